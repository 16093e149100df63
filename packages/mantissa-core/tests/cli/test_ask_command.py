"""``mantissa ask``, ``questions``, ``conversations`` and ``schema`` at the command line."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from .conftest import documents, write_lines

HOSTILE = "eve\x1b[31m[red]\u202e"


@pytest.fixture
def asked(mantissa_at, home):
    """The command line on an instance with an hour of events until now."""
    now = datetime.now(UTC)
    who = ["amara"] * 3 + ["lin"] * 2 + [HOSTILE]
    lines = [
        {"key": f"k{n}", "at": (now - timedelta(minutes=n + 1)).isoformat(), "actor": user, "address": "192.0.2.1"}
        for n, user in enumerate(who)
    ]
    write_lines(home / "incoming" / "a.ndjson", *lines)
    assert mantissa_at("collect").exit_code == 0
    return mantissa_at


def test_an_answer_says_what_was_understood_shows_rows_and_how_to_go_on(asked):
    result = asked("ask", "acme events in the last 24 hours")
    assert result.exit_code == 0, result.output
    assert "Lists events of Acme audit log" in result.output
    assert "6 events, from" in result.output
    assert "TIME" in result.output
    assert "ask -c" in result.output
    assert "\x1b" not in result.output
    assert "\u202e" not in result.output
    assert "eve\\x1b[31m[red]\\u202e" in result.output


def test_figures_have_bars(asked):
    result = asked("ask", "acme events per user in the last 24 hours")
    lines = {line.split()[0]: line for line in result.output.splitlines() if "█" in line}
    assert lines["amara"].count("█") == 30
    assert lines["lin"].count("█") == 20


def test_a_follow_up_goes_on_with_the_conversation(asked):
    asked("ask", "acme events in the last 24 hours")
    document = documents(asked("--json", "ask", "-c", "last", "per user"))
    assert {row["m_user"]: row["events"] for row in document["results"]} == {"amara": 3, "lin": 2, HOSTILE: 1}
    conversation = documents(asked("--json", "conversations", "list"))[0]
    assert (conversation["id"], conversation["turns"]) == (document["conversation"], 2)
    shown = asked("conversations", "show", conversation["id"])
    assert "2. per user" in shown.output
    assert asked("conversations", "delete", conversation["id"]).exit_code == 0
    assert "no conversation yet" in asked("conversations", "list").output
    assert asked("conversations", "show", conversation["id"]).exit_code == 2


def test_what_is_not_understood_ends_with_2_and_suggestions(asked):
    result = asked("ask", "what is the weather")
    assert result.exit_code == 2
    assert "Not answered: not understood: 'weather'." in result.output
    assert "What is understood:" in result.output
    assert documents(asked("--json", "ask", "what is the weather"))["status"] == "abstained"


def test_explaining_shows_sql_and_estimate_and_runs_nothing(asked):
    result = asked("ask", "acme events in the last 24 hours", "--explain")
    assert result.exit_code == 0
    assert 'FROM "acme_audit"' in result.output
    assert "Not run. It would read up to" in result.output
    assert "amara" not in result.output


def test_rows_are_exported_and_read_back_the_same(asked, tmp_path):
    question = ("ask", "acme events in the last 24 hours")
    expected = documents(asked("--json", *question))["results"]
    for form in ("csv", "json", "parquet"):
        assert asked(*question, "-f", form, "-o", str(tmp_path / f"rows.{form}")).exit_code == 0
    users = [row["m_user"] for row in expected]
    assert pq.read_table(tmp_path / "rows.parquet")["m_user"].to_pylist() == users
    assert json.loads((tmp_path / "rows.json").read_text())[0].keys() == expected[0].keys()
    assert [row["m_user"] for row in csv.DictReader((tmp_path / "rows.csv").open(newline=""))] == users
    printed = asked(*question, "-f", "csv")
    assert len(list(csv.reader(io.StringIO(printed.stdout)))) == 7
    assert asked(*question, "-f", "parquet").exit_code == 2
    assert asked(*question, "-o", "x").exit_code == 2


def test_a_limit_is_told(asked):
    result = asked("ask", "acme events in the last 24 hours", "--limit", "2")
    assert "The first 2 events of more" in result.output
    assert "--limit raises the limit" in result.stderr


def test_what_costs_much_is_not_run_unless_it_is_confirmed(asked, home):
    config = home / "mantissa.toml"
    config.write_text(config.read_text() + "\n[ask]\nconfirm_bytes = 1\n")
    result = asked("ask", "acme events in the last 24 hours")
    assert result.exit_code == 2
    assert "Not run: it would read up to" in result.output
    assert asked("ask", "acme events in the last 24 hours", "--yes").exit_code == 0


def test_a_question_is_saved_and_run_by_its_name(asked):
    assert asked("ask", "acme events today or yesterday", "--save", "x").exit_code == 2
    assert "No question is saved" in asked("questions", "list").output
    assert asked("ask", "acme events in the last 24 hours", "--save", "acme-day").exit_code == 0
    assert documents(asked("--json", "questions", "list"))[0]["name"] == "acme-day"
    result = asked("questions", "run", "acme-day")
    assert result.exit_code == 0
    assert "6 events" in result.output
    assert asked("questions", "delete", "acme-day").exit_code == 0
    assert asked("questions", "run", "acme-day").exit_code == 2


def test_a_session_answers_line_by_line_and_knows_its_commands(asked):
    lines = ["acme events in the last 24 hours", "per user", ":sql", ":save mine", ":nonsense", "what is the weather"]
    result = asked("ask", input="\n".join([*lines, ":help", ":new", ":quit", "never asked"]) + "\n")
    assert result.exit_code == 0, result.output
    for part in ("6 events, from", "3 users, 6 events in all", "GROUP BY", "Not answered", ":cite"):
        assert part in result.output
    assert ":nonsense is no command" in result.stderr
    assert "never" not in result.output
    assert documents(asked("--json", "questions", "list"))[0]["question"] == "per user"
    assert documents(asked("--json", "conversations", "list"))[0]["turns"] == 3


def test_a_session_takes_no_options_for_one_question(asked):
    for words in (["--explain"], ["--save", "x"], ["-f", "csv"], ["--json"]):
        assert asked("ask", *words, input="").exit_code == 2


def test_a_wrong_time_zone_ends_with_2(asked):
    result = asked("ask", "acme events today", "--zone", "Mars")
    assert result.exit_code == 2
    assert "no time zone 'Mars'" in result.stderr


def test_the_schema_is_listed_shown_and_searched(asked):
    assert "acme_audit  table" in asked("schema", "show").output
    shown = asked("schema", "show", "acme_audit").output
    assert "What was done." in shown
    document = documents(asked("--json", "schema", "show", "acme_audit"))
    assert [each["kind"] for each in document["tables"]] == ["table"]
    assert {"verb", "m_user"} <= {each["name"] for each in document["tables"][0]["columns"]}
    assert asked("schema", "show", "nonsense").exit_code == 2
    assert "acme_audit" in asked("schema", "search", "acme").output
    hits = documents(asked("--json", "schema", "search", "source", "address"))
    assert "m_src_ip" in [each["column"] for each in hits]
    assert "Nothing is about that." in asked("schema", "search", "zzz").output


def test_questions_are_in_the_audit_log_whatever_came_of_them(asked):
    asked("ask", "acme events in the last 24 hours")
    asked("ask", "wibble the frobnicator?")
    entries = [each for each in documents(asked("--json", "audit")) if each["subject"] == "ask"]
    assert [(each["question"], each["status"]) for each in entries] == [
        ("acme events in the last 24 hours", "succeeded"),
        ("wibble the frobnicator?", "abstained"),
    ]
    assert "frobnicator" in asked("audit").output
