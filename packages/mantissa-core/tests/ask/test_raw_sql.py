"""SQL that a language model writes where no plan says what is asked: over the wire, through the guard, and run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mantissa_core import Runtime
from mantissa_core.ask.events import Event
from mantissa_core.state.audit import entries
from mantissa_core.testing.fake_http import Answer, Request
from mantissa_core.testing.llm_provider import FakeOpenAI

from .conftest import NOW

QUESTION = "how lopsided are the identity happenings?"
SECRET = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
SHARE = "SELECT m_user, count(*) / sum(count(*)) OVER () AS share FROM auth GROUP BY m_user ORDER BY share DESC, m_user"


class Model(FakeOpenAI):
    """Answers one draft after the other, the last one again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.drafts: list[dict[str, Any]] = []

    def answer(self, request: Request) -> Answer:
        if request.method == "POST":
            self.reply = json.dumps(self.drafts.pop(0) if len(self.drafts) > 1 else self.drafts[0])
        return super().answer(request)

    def sent(self, at: int = -1) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.requests[at].json()["messages"][-1]["content"])
        return found


@pytest.fixture
def model() -> Iterator[Model]:
    with Model() as server:
        yield server


@contextmanager
def opened(model: Model, day: Path, home: Path, **ask: Any) -> Iterator[Runtime]:
    provider = {"plugin": "core.openai_compatible", "base_url": model.url, "model": "tiny", "timeout": 20}
    settings = {
        "home": str(home),
        "lake": {"url": str(day / "lake"), "retention_days": 36_500},
        "llm_providers": {"tiny": provider},
        "ask": {"provider": "tiny", "raw_sql": True, **ask},
    }
    with Runtime.open(settings) as siem:
        siem.clock = lambda: NOW
        yield siem


@pytest.fixture
def siem(model: Model, day: Path, tmp_path: Path) -> Iterator[Runtime]:
    with opened(model, day, tmp_path) as found:
        yield found


def test_what_no_plan_says_is_answered_by_sql_that_is_marked_and_bounded(siem: Runtime, model: Model) -> None:
    model.drafts = [{"sql": SHARE, "time": "yesterday", "assumptions": ["share\x1b[31m of events"]}]
    answer = siem.ask(QUESTION, user="amara", conversation="new", max_rows=3)
    assert answer.status == "succeeded", answer.reason
    assert (answer.raw_sql, answer.provider, answer.plan, answer.citations) == (True, "tiny", None, ())
    expected = siem.query(SHARE.replace("FROM auth", "FROM auth WHERE dt = '2026-11-19'")).rows.to_pylist()
    assert answer.results == expected[:3]
    assert (answer.truncated, answer.summary) == (True, "The first 3 rows of more.")
    assert "language model tiny wrote over auth" in answer.explanation
    assert "2026-11-19 00:00 to 2026-11-20 00:00 UTC" in answer.explanation
    bound, *notes = answer.assumptions
    assert bound.startswith("SQL written by the model, bounded to 2026-11-19 00:00")
    assert bound.endswith("and 3 rows")
    assert notes == ["share [31m of events"]
    document = json.loads(json.dumps(answer.document()))
    assert document["raw_sql"] is True
    assert document["sql"] == answer.sql != SHARE
    [audited] = entries(siem.state, "ask", "ask")
    assert (audited["raw_sql"], audited["sql"]) == (True, answer.sql)


def test_a_question_without_a_time_is_bounded_to_the_last_day_and_says_so(siem: Runtime, model: Model) -> None:
    model.drafts = [{"sql": "SELECT count(*) AS n FROM auth"}]
    answer = siem.ask(QUESTION)
    assert answer.results[0]["n"] == siem.query(
        "SELECT count(*) AS n FROM auth WHERE m_time >= TIMESTAMPTZ '2026-11-19 09:00Z'"
    ).rows["n"][0].as_py()  # fmt: skip
    assert "because the question names no time" in answer.assumptions[0]


def test_it_is_off_unless_it_is_switched_on(model: Model, day: Path, tmp_path: Path) -> None:
    model.drafts = [{"sql": SHARE}]
    with opened(model, day, tmp_path, raw_sql=False) as siem:
        answer = siem.ask(QUESTION)
    assert (answer.status, answer.raw_sql) == ("abstained", False)
    schema = model.requests[0].json()["response_format"]["json_schema"]["schema"]
    assert "sql" not in schema["properties"]
    assert "previous_sql" not in model.requests[0].body.decode()


def test_a_plan_is_preferred_to_sql_beside_it(siem: Runtime, model: Model) -> None:
    model.drafts = [{"source": "auth", "measures": [{"function": "count"}], "sql": "SELECT 1 FROM auth"}]
    answer = siem.ask(QUESTION)
    assert (answer.status, answer.raw_sql) == ("succeeded", False)


HOSTILE = {
    "drop": "DROP TABLE auth",
    "two": "SELECT 1 FROM auth; DELETE FROM auth",
    "delete in with": "WITH d AS (DELETE FROM auth RETURNING *) SELECT * FROM d",
    "insert": "INSERT INTO auth SELECT * FROM auth",
    "copy": "COPY auth TO '/tmp/x.csv'",
    "attach": "ATTACH '/tmp/x.db'",
    "file": "SELECT * FROM read_csv('/etc/passwd')",
    "quoted file": "SELECT * FROM '/etc/passwd'",
    "quoted parquet": 'SELECT * FROM "data.parquet"',
    "text": "SELECT * FROM read_text('http://192.0.2.1/')",
    "glob": "SELECT * FROM glob('*')",
    "settings": "SELECT * FROM duckdb_settings()",
    "catalogue": "SELECT * FROM information_schema.tables",
    "pragma": "PRAGMA database_list",
    "set": "SET memory_limit = '1TB'",
    "getenv": "SELECT getenv('HOME') FROM auth",
    "dynamic": "SELECT * FROM query('SELECT 1')",
    "generator": "SELECT * FROM range(1000000000)",
    "repeat": "SELECT repeat('a', 2000000000) FROM auth",
    "recursion": "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
    "cross join": "SELECT count(*) FROM auth a, auth b",
    "shadow": "WITH auth AS (SELECT 1) SELECT * FROM auth",
    "no such table": "SELECT * FROM secrets",
    "not shown": "SELECT * FROM aws_cloudtrail",
    "qualified": "SELECT * FROM main.auth",
    "explain": "EXPLAIN ANALYZE DELETE FROM auth",
    "no such column": "SELECT nonsense FROM auth",
    "nonsense": "SELEC FROM",
    "only a comment": "-- nothing",
}


@pytest.mark.parametrize("sql", HOSTILE.values(), ids=HOSTILE)
def test_hostile_and_wrong_sql_never_runs_and_is_mended_at_most_twice(
    siem: Runtime, model: Model, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.drafts = [{"sql": sql}]
    ran: list[str] = []
    run = siem.query_backend.run_query
    monkeypatch.setattr(
        siem, "query_backend", _Watched(siem.query_backend, lambda query: ran.append(query.sql) or run(query))
    )
    answer = siem.ask(QUESTION, allowed={"okta_system"})
    assert (answer.status, answer.rows, answer.sql) == ("abstained", None, "")
    assert len(model.requests) == 3
    assert all(each.startswith("EXPLAIN SELECT") for each in ran)  # by the binder, of what the guard wrote
    problem = model.sent()["problem"]
    assert problem
    if "there are:" in problem:  # the tables that may be seen, and no other
        assert "there are: auth, okta_system" in problem


class _Watched:
    """A backend whose queries are seen."""

    def __init__(self, backend: Any, run: Any) -> None:
        self._backend, self.run_query = backend, run

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def test_a_refusal_of_the_guard_is_told_to_the_model_which_may_mend_it(siem: Runtime, model: Model) -> None:
    model.drafts = [{"sql": "SELECT * FROM range(9)"}, {"sql": "SELECT count(*) AS n FROM auth"}]
    answer = siem.ask(QUESTION)
    assert (answer.status, answer.raw_sql) == ("succeeded", True)
    assert "GENERATE_SERIES is not allowed" in model.sent()["problem"]


def test_conditions_that_are_always_true_reach_no_further_than_the_window_and_the_tables_that_may_be_seen(
    siem: Runtime, model: Model
) -> None:
    model.drafts = [{"sql": "SELECT DISTINCT m_table FROM auth WHERE m_time < now() OR true", "time": "this week"}]
    answer = siem.ask(QUESTION, allowed={"okta_system"})
    assert answer.results == [{"m_table": "okta_system"}]
    assert "auth: only rows that you may see" in answer.assumptions


def test_a_limit_of_its_own_is_lowered_and_rows_never_pass_the_users_limit(siem: Runtime, model: Model) -> None:
    model.drafts = [{"sql": "SELECT m_user FROM auth LIMIT 1000000", "time": "this week"}]
    assert siem.ask(QUESTION, max_rows=5).rows.num_rows == 5  # type: ignore[union-attr]


def test_sql_is_priced_and_confirmed_as_any_other(model: Model, day: Path, tmp_path: Path) -> None:
    model.drafts = [{"sql": SHARE, "time": "this week"}]
    with opened(model, day, tmp_path, confirm_bytes=1) as siem:
        assert siem.ask(QUESTION).status == "needs_confirmation"
        explained = siem.ask(QUESTION, explain_only=True)
        assert (explained.status, explained.rows, explained.raw_sql) == ("succeeded", None, True)
        assert explained.cost_estimate is not None


def test_sql_is_not_kept_as_a_plan(siem: Runtime, model: Model) -> None:
    model.drafts = [{"sql": SHARE}]
    siem.ask(QUESTION)
    siem.ask(QUESTION)
    assert len(model.requests) == 2


def test_a_follow_up_asks_the_model_with_the_sql_before(siem: Runtime, model: Model) -> None:
    model.drafts = [{"sql": SHARE, "time": "yesterday"}]
    siem.ask("mfa failures this week", user="noor", conversation="new")  # a plan, which is no longer what is changed
    siem.ask(QUESTION, user="noor", conversation="last")
    model.drafts = [{"sql": "SELECT count(DISTINCT m_user) AS n FROM auth"}]
    answer = siem.ask("only the number of them", user="noor", conversation="last")
    assert (answer.status, answer.raw_sql) == ("succeeded", True)
    assert model.sent()["previous_sql"] == SHARE
    assert "2026-11-19 00:00 to 2026-11-20 00:00" in answer.explanation  # the time of the one before
    for words in ("per user", "top 5", "by hour", "show me the details"):
        assert siem.ask(words, user="noor", conversation="last").raw_sql, words
        assert model.sent()["previous_sql"].startswith("SELECT count(DISTINCT")
    asked = len(model.requests)
    siem.ask("failed logins today", user="noor", conversation="last")  # says all itself
    assert len(model.requests) == asked
    assert siem.ask("per user", user="noor", conversation="last").provider == "offline"


def test_a_follow_up_on_sql_abstains_clearly_where_no_model_may_write_it(
    model: Model, day: Path, tmp_path: Path
) -> None:
    model.drafts = [{"sql": SHARE}]
    with opened(model, day, tmp_path) as siem:
        siem.ask("failed logins this week", user="noor", conversation="new")
        siem.ask(QUESTION, user="noor", conversation="last")
    for ask in ({"raw_sql": False}, {"provider": None}):
        with opened(model, day, tmp_path, **ask) as siem:
            answer = siem.ask("only today", user="noor", conversation="last")
        assert answer.status == "abstained"
        assert "SQL that a language model wrote, which nothing else can change" in answer.reason


def test_the_sql_before_is_not_sent_where_a_table_of_it_may_not_be_seen_any_more(siem: Runtime, model: Model) -> None:
    model.drafts = [{"sql": "SELECT count(*) AS n FROM aws_cloudtrail"}]
    siem.ask("how lopsided are the cloudtrail happenings?", user="noor", conversation="new")
    model.drafts = [{"refusal": "no"}]
    siem.ask("how lopsided are those?", user="noor", conversation="last", allowed={"okta_system"})
    assert len(model.requests) == 2
    assert "aws_cloudtrail" not in model.requests[-1].body.decode()


def test_what_is_sent_holds_no_table_that_may_not_be_seen_no_row_and_no_secret(siem: Runtime, model: Model) -> None:
    model.drafts = [{"sql": f"SELECT m_user FROM auth WHERE m_user = '{SECRET}'", "time": "this week"}]
    question = f"how lopsided are {SECRET} happenings of cloudtrail buckets?"
    assert siem.ask(question, user="noor", conversation="new", allowed={"okta_system"}).raw_sql
    model.drafts = [{"sql": "SELECT nonsense FROM auth"}, {"refusal": "no"}]
    siem.ask("how lopsided are those?", user="noor", conversation="last", allowed={"okta_system"})
    sent = b"".join(each.body for each in model.requests).decode()
    assert len(model.requests) == 3
    assert "okta_system" in sent
    assert '\\"previous_sql\\"' in sent
    assert SECRET not in sent
    hidden = {"aws_cloudtrail", *siem.asker.schema().tables["aws_cloudtrail"].columns}
    known = {name for each in siem.asker.schema({"okta_system"}).tables.values() for name in each.columns}
    assert [name for name in hidden - known if f'"{name}' in sent or f"{name}\\" in sent] == []
    users = siem.query("SELECT DISTINCT m_user AS u FROM auth WHERE m_user LIKE '%@%'").rows["u"].to_pylist()
    assert users
    assert [each for each in users if each in sent] == []


def test_the_steps_of_a_question_are_told_as_they_happen(siem: Runtime, model: Model) -> None:
    model.drafts = [{"sql": SHARE, "time": "yesterday"}]
    events: list[Event] = []
    answer = siem.ask(QUESTION, on_event=events.append)
    assert [each.kind for each in events if each.kind != "token"] == [
        "reading", "reading", "understood", "estimate", "answer",
    ]  # fmt: skip
    assert events[0].data == {"by": "offline"}
    assert (events[1].data["by"], events[1].data["call"], events[1].data["cost"]) == ("tiny", 1, None)
    assert events[1].data["tokens"] > 4_096
    texts = [each.data["text"] for each in events if each.kind == "token"]
    assert len(texts) > 1
    assert json.loads("".join(texts))["sql"] == SHARE
    assert json.loads(json.dumps([dict(each.data) for each in events]))
    understood = next(each.data for each in events if each.kind == "understood")
    assert understood["sql"] == answer.sql
    assert answer.usage is not None
    assert (answer.usage.calls, answer.usage.input_tokens, answer.usage.output_tokens) == (1, 42, 7)


def test_offline_there_are_the_same_steps_without_a_model(siem: Runtime) -> None:
    events: list[Event] = []
    answer = siem.ask("failed logins today", on_event=events.append)
    assert [each.kind for each in events] == ["reading", "understood", "estimate", "answer"]
    assert events[1].data["explanation"] == answer.explanation
    assert set(events[2].data) == {"bytes", "cost"}
    assert answer.usage is None
    events.clear()
    siem.ask("   ", on_event=events.append)
    assert [each.kind for each in events] == ["reading", "answer"]  # an empty question is not sent


def test_a_listener_that_leaves_ends_the_question(siem: Runtime, model: Model) -> None:
    model.drafts = [{"sql": SHARE}]

    class Gone(Exception):
        pass

    def leave(event: Event) -> None:
        if event.kind == "token":
            raise Gone

    with pytest.raises(Gone):
        siem.ask(QUESTION, on_event=leave)
    assert siem.ask("failed logins today").status == "succeeded"
