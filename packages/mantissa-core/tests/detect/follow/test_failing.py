"""Rules that keep failing: told once for each time that they begin to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mantissa_core.detect.follow.failing import LIMIT, RULE_ID, FailingRules
from mantissa_core.detect.signals import SIGNALS, signals_from_rows
from mantissa_core.lake.lake import Lake
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.lake = Lake.open(folder / "lake")
        self.state = State(SQLite(SQLite.Config(path=folder / "state.sqlite")))
        self.now = START

    def failing(self) -> FailingRules:
        return FailingRules(self.state, lambda: self.now)

    def fail(self, failing: FailingRules, times: int, rule: str = "r") -> None:
        for _ in range(times):
            self.now += timedelta(minutes=1)
            failing.failed(rule, "A rule", "acme_audit", "ArrowInvalid: " + "x" * 1000)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_somebody_is_told_once_and_not_before_the_limit(bench: Bench) -> None:
    failing = bench.failing()
    bench.fail(failing, LIMIT - 1)
    assert list(failing.tell(bench.lake)) == []
    bench.fail(failing, 1)
    (signal,) = failing.tell(bench.lake)
    assert (signal.rule_id, str(signal.severity), signal.group) == (RULE_ID, "medium", {"rule": "r"})
    assert signal.evidence["failures"] == LIMIT
    assert len(signal.evidence["error"]) == 500
    bench.fail(failing, 5)
    assert list(failing.tell(bench.lake)) == list(bench.failing().tell(bench.lake)) == []
    (known,) = failing.all()
    assert (known.failures, known.told) == (LIMIT + 5, True)


def test_one_evaluation_that_works_ends_it_and_the_next_failures_are_told_again(bench: Bench) -> None:
    failing = bench.failing()
    bench.fail(failing, LIMIT - 1)
    failing.worked(["r", "other"])
    assert failing.all() == []
    bench.fail(failing, LIMIT)
    (first,) = failing.tell(bench.lake)
    bench.failing().worked(["r"])
    bench.fail(failing, LIMIT)
    (second,) = failing.tell(bench.lake)
    assert first.id != second.id


def test_two_processes_tell_once(bench: Bench) -> None:
    one = bench.failing()
    bench.fail(one, LIMIT)
    two = bench.failing()
    document = bench.state.get("detect-failing", "r")
    assert len(list(two.tell(bench.lake))) == 1
    bench.state.update("detect-failing", "r", lambda _old: document.value)  # as if two died before it could say so
    assert list(one.tell(bench.lake)) == []
    table = bench.lake.table(SIGNALS.name)
    assert len([signal for rows in table.read(table.live()) for signal in signals_from_rows(rows)]) == 1
