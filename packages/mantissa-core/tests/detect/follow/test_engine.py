"""From committed versions to signals: once each, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mantissa_core.detect.follow.engine import Engine
from mantissa_core.detect.follow.failing import FAILING, RULE_ID
from mantissa_core.detect.follow.progress import Gap, Progress
from mantissa_core.detect.ir.tree import Op, Predicate, Regex
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.signals import SIGNALS, rows_from_signals, signal_id, signals_from_rows
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.spec import table_spec
from mantissa_core.model import LogType, Put, Severity, Signal
from mantissa_core.parse.json_text import dumps
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.parse.rows import RowBuilder
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

TABLE = "acme_audit"
Ingest = Callable[..., list[str]]
MakeEngine = Callable[..., Engine]


class Failing(SQLite):
    """A store that refuses writes to one partition while told to."""

    refused = ""

    def commit_documents(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int]) -> None:
        if partition == self.refused:
            raise OSError("the disk is gone")
        super().commit_documents(partition, puts, expects)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake")


@pytest.fixture
def store(tmp_path: Path) -> Failing:
    return Failing(SQLite.Config(path=tmp_path / "state.sqlite"))


@pytest.fixture
def state(store: Failing) -> State:
    return State(store)


@pytest.fixture(scope="module")
def builder(log_type: LogType) -> Iterator[RowBuilder]:
    with RowBuilder(log_type) as builder:
        yield builder


@pytest.fixture
def ingest(lake: Lake, log_type: LogType, builder: RowBuilder) -> Ingest:
    """Commit events as one version; returns their ids."""

    def commit(*events: Mapping[str, Any]) -> list[str]:
        table = lake.ensure(table_spec(log_type))
        version = table.version() + 1
        rows = builder.build(
            [dumps({"when": "2026-01-02T03:04:05Z", **event}).encode() for event in events],
            range(len(events)),
            origin=f"file {version}",
            source="acme-test",
            ingest_time=datetime(2026, 1, 3, tzinfo=UTC),
        ).rows
        table.commit(table.stage(rows), {"test": version})
        ids: list[str] = rows["m_id"].to_pylist()
        return ids

    return commit


@pytest.fixture
def named(make_rule: Callable[..., Rule]) -> Rule:
    return make_rule({"selection": {"name": "bad"}}, id="11111111-1111-4111-8111-111111111111", level="high")


@pytest.fixture
def engine(lake: Lake, state: State, log_type: LogType, named: Rule) -> MakeEngine:
    def make(*rules: Rule, **options: Any) -> Engine:
        return Engine(lake, state, RuleSet(list(rules or (named,))), LogTypes([log_type]), **options)

    return make


def stored(lake: Lake) -> list[Signal]:
    table = lake.table(SIGNALS.name)
    return [signal for batch in table.read(table.live()) for signal in signals_from_rows(batch)]


def test_each_match_is_one_signal_and_none_comes_twice(
    lake: Lake, ingest: Ingest, engine: MakeEngine, named: Rule
) -> None:
    ids = ingest({"name": "bad", "number": 1}, {"name": "good"}, {"name": "BAD", "number": 2})
    found = list(engine().run())
    assert sorted(signal.event_ids[0] for signal in found) == sorted([ids[0], ids[2]])
    assert {signal.id for signal in found} == {signal_id(named.id, ids[0]), signal_id(named.id, ids[2])}
    assert sorted(stored(lake), key=lambda each: each.id) == sorted(found, key=lambda each: each.id)
    assert list(engine().run()) == []


def test_only_what_was_committed_since_is_evaluated(ingest: Ingest, engine: MakeEngine) -> None:
    ingest({"name": "bad", "number": 1})
    running = engine()
    assert len(list(running.run())) == 1
    (late,) = ingest({"name": "bad", "number": 2})
    assert [signal.event_ids for signal in running.run()] == [(late,)]


def test_the_cursor_also_passes_versions_without_a_match(ingest: Ingest, engine: MakeEngine, state: State) -> None:
    ingest({"name": "good"})
    assert list(engine().run()) == []
    document = state.get("detect", TABLE)
    assert document is not None
    assert document.value == {"version": 1}


def test_a_crash_behind_the_commit_of_signals_repeats_none(
    lake: Lake, ingest: Ingest, engine: MakeEngine, store: Failing
) -> None:
    ingest({"name": "good"})
    assert list(engine().run()) == []
    ingest({"name": "bad", "number": 1})
    store.refused = "detect"
    with pytest.raises(OSError, match="disk"):
        list(engine().run())
    store.refused = ""
    ingest({"name": "bad", "number": 2})
    assert len(list(engine().run())) == 1
    assert len(stored(lake)) == 2


def test_a_crash_before_the_commit_of_signals_loses_none(
    lake: Lake, ingest: Ingest, engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest({"name": "bad", "number": 1})
    table = lake.ensure(SIGNALS)
    with monkeypatch.context() as patch:
        patch.setattr(table, "commit", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            list(engine().run())
    assert len(list(engine().run())) == 1
    assert len(stored(lake)) == 1


def test_a_run_can_be_limited_to_some_versions(ingest: Ingest, engine: MakeEngine) -> None:
    for number in range(3):
        ingest({"name": "bad", "number": number})
    first = engine().run(limit=3)
    assert len(list(first)) == 2  # version 0 made the table and brought no rows
    assert len(list(engine().run())) == 1


def test_an_engine_may_start_behind_what_is_stored(ingest: Ingest, engine: MakeEngine) -> None:
    ingest({"name": "bad", "number": 1})
    assert list(engine(start="now").run()) == []
    (late,) = ingest({"name": "bad", "number": 2})
    assert [signal.event_ids for signal in engine(start="now").run()] == [(late,)]


def test_a_failing_rule_leaves_a_gap_and_the_others_go_on(
    ingest: Ingest, engine: MakeEngine, named: Rule, state: State, make_rule: Callable[..., Rule]
) -> None:
    other = make_rule({"selection": {"name": "x"}}, id="22222222-2222-4222-8222-222222222222")
    failing = replace(other, ir=Predicate("name", Op.REGEX, (Regex("("),)))
    ingest({"name": "bad", "number": 1})
    ingest({"name": "bad", "number": 2})
    assert len(list(engine(failing, named).run())) == 2
    (gap,) = Progress(state).gaps()
    assert (gap.table, gap.rule, gap.rule_version, gap.first, gap.last) == (TABLE, failing.id, failing.version, 1, 2)
    assert "ArrowInvalid" in gap.error


def test_a_rule_that_keeps_failing_opens_one_alert_until_it_works_again(
    ingest: Ingest, engine: MakeEngine, named: Rule, state: State
) -> None:
    failing = replace(named, ir=Predicate("name", Op.REGEX, (Regex("("),)))
    running = engine(failing)
    told = []
    for number in range(5):
        ingest({"name": "bad", "number": number})
        told += list(running.run())
    assert [(each.rule_id, each.group) for each in told] == [(RULE_ID, {"rule": named.id})]
    assert [document.value["failures"] for document in state.scan(FAILING)] == [5]
    ingest({"name": "bad", "number": 6})
    assert [each.rule_id for each in engine(named).run()] == [named.id]
    assert list(state.scan(FAILING)) == []


def test_a_rule_with_a_schedule_does_not_follow_commits(ingest: Ingest, engine: MakeEngine, named: Rule) -> None:
    ingest({"name": "bad", "number": 1})
    scheduled = {named.id}
    running = engine(scheduled=lambda: scheduled)
    assert list(running.run()) == []
    scheduled.clear()
    (later,) = ingest({"name": "bad", "number": 2})
    assert [each.event_ids for each in running.run()] == [(later,)]


def test_a_gap_is_closed_by_another_try_with_the_mended_rule(
    lake: Lake, ingest: Ingest, engine: MakeEngine, named: Rule, state: State, make_rule: Callable[..., Rule]
) -> None:
    other = make_rule({"selection": {"name": "bad"}}, id="22222222-2222-4222-8222-222222222222")
    failing = replace(named, ir=Predicate("name", Op.REGEX, (Regex("("),)))
    ids = ingest({"name": "bad", "number": 1}, {"name": "good"}) + ingest({"name": "bad", "number": 2})
    assert len(list(engine(failing, other).run())) == 2
    (still,) = engine(failing, other).gap_replay().run()
    assert "ArrowInvalid" in still.problem
    (gone,) = engine(other).gap_replay().run()
    assert "no rule" in gone.problem
    assert list(engine(named, other).gap_replay().run(["another"])) == []
    (done,) = engine(named, other).gap_replay().run()
    assert done.problem == ""
    assert {each.event_ids[0] for each in done.signals} == {ids[0], ids[2]}
    assert Progress(state).gaps() == []
    assert len(stored(lake)) == 4


def test_a_gap_of_versions_that_the_log_forgot_stays(lake: Lake, ingest: Ingest, engine: MakeEngine) -> None:
    ingest({"name": "bad", "number": 1})
    ingest({"name": "bad", "number": 2})
    Path(lake.table(TABLE).url, "_delta_log", f"{1:020}.json").unlink()
    list(engine().run())
    (still,) = engine().gap_replay().run()
    assert "--from" in still.problem


def test_versions_that_the_log_forgot_are_a_gap_and_are_passed(
    lake: Lake, ingest: Ingest, engine: MakeEngine, state: State
) -> None:
    ingest({"name": "bad", "number": 1})
    (kept,) = ingest({"name": "bad", "number": 2})
    Path(lake.table(TABLE).url, "_delta_log", f"{1:020}.json").unlink()
    assert [signal.event_ids for signal in engine().run()] == [(kept,)]
    (gap,) = Progress(state).gaps()
    assert (gap.table, gap.rule, gap.first, gap.last) == (TABLE, "*", 1, 1)
    assert list(engine().run()) == []


def test_a_signal_tells_who_where_and_why(ingest: Ingest, engine: MakeEngine, make_rule: Callable[..., Rule]) -> None:
    rule = make_rule(
        {"selection": {"name": "bad", "params.deep|contains": "x"}},
        fields=["ratio", "tags", "absent"],
        tags=["attack.t1"],
        level="critical",
    )
    (event_id,) = ingest(
        {
            "name": "bad",
            "user": {"name": "bob"},
            "address": "10.0.0.1",
            "flag": True,
            "ratio": 0.5,
            "tags": ["a", "b"],
            "params": {"userName": "al", "deep": "x" * 2000},
        }
    )
    (signal,) = engine(rule).run()
    assert signal.summary == "A rule: bob from 10.0.0.1"
    assert (signal.rule_id, signal.rule_name, signal.severity) == (rule.id, "A rule", Severity.CRITICAL)
    assert (signal.table, signal.tags, signal.event_ids) == (TABLE, ("attack.t1",), (event_id,))
    assert signal.time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert signal.entities == {"user": "bob", "src_ip": "10.0.0.1", "outcome": "success", "target": "al"}
    assert signal.group == {"user": "bob", "src_ip": "10.0.0.1"}
    assert signal.evidence == {
        "m_user": "bob",
        "m_src_ip": "10.0.0.1",
        "m_target": "al",
        "name": "bad",
        "params.deep": "x" * 1000 + "…",
        "ratio": "0.5",
        "tags": ["a", "b"],
    }


def test_events_without_who_and_where_are_groups_of_their_own(ingest: Ingest, engine: MakeEngine) -> None:
    ids = ingest({"name": "bad", "number": 1}, {"name": "bad", "number": 2})
    found = list(engine().run())
    assert sorted(signal.group["event"] for signal in found) == sorted(ids)
    assert {signal.summary for signal in found} == {"A rule"}


def test_a_rule_may_group_by_its_own_fields(ingest: Ingest, engine: MakeEngine, make_rule: Callable[..., Rule]) -> None:
    rule = make_rule(
        {"selection": {"name": "bad"}}, mantissa={"group_by": ["m_user", "params.userName", "tags", "color"]}
    )
    ingest(
        {"name": "bad", "user": {"name": "bob"}, "params": {"userName": "al"}, "tags": ["b", "a"]},
        {"name": "bad", "address": "10.0.0.1"},
    )
    groups = sorted((signal.group for signal in engine(rule).run()), key=len)
    assert list(groups[0]) == ["event"]
    assert groups[1] == {"user": "bob", "params.userName": "al", "tags": "a, b"}


def test_tables_without_rules_and_rules_without_tables_are_left_alone(
    ingest: Ingest, engine: MakeEngine, make_rule: Callable[..., Rule], state: State
) -> None:
    ingest({"name": "bad"})
    elsewhere = make_rule({"selection": {"name": "bad"}}, logsource={"product": "other"})
    assert list(engine(elsewhere).run()) == []
    assert state.get("detect", TABLE) is None


def test_signals_come_back_from_their_rows() -> None:
    signal = Signal(
        id="0" * 32,
        rule_id="r",
        rule_name="Rule",
        severity=Severity.LOW,
        summary="s",
        time=datetime(2026, 1, 2, 23, 59, tzinfo=UTC),
        table="t",
        event_ids=("a", "b"),
        tags=("x.y",),
        group={"user": "ü"},
        entities={"user": "ü"},
        evidence={"list": [1, None, "x"], "flag": True},
        suppressed_by="filter",
    )
    rows = rows_from_signals([signal], datetime(2026, 1, 3, tzinfo=UTC))
    assert rows["dt"].to_pylist() == ["2026-01-02"]
    assert signals_from_rows(rows) == [signal]


def test_a_cursor_never_moves_back_and_a_gap_only_widens(state: State) -> None:
    progress = Progress(state)
    progress.advance("t", 5)
    progress.advance("t", 3)
    assert progress.cursor("t") == 5
    progress.record(Gap("t", "r", "v", 4, 6, "x" * 1000))
    progress.record(Gap("t", "r", "v", 2, 2, "last"))
    assert progress.gaps() == [Gap("t", "r", "v", 2, 6, "last")]
    progress.close(Gap("t", "r", "v", 2, 5, "last"))  # it was widened since
    assert len(progress.gaps()) == 1
    progress.close(Gap("t", "r", "v", 2, 6, "last"))
    assert progress.gaps() == []
