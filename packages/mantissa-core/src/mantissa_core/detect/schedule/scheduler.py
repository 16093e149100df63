"""Runs what is due: each scheduled rule over its window, independent rules side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from mantissa_core.detect.follow.failing import FailingRules
from mantissa_core.detect.follow.history import Span, replay
from mantissa_core.detect.rules.stages import shadowed
from mantissa_core.detect.signals import SIGNALS, commit_signals, unstored
from mantissa_core.detect.sql_rules import SqlRule
from mantissa_core.detect.sql_rules.results import query_signals
from mantissa_core.detect.sql_rules.rule import END, START
from mantissa_core.lake.lake import Lake
from mantissa_core.model import QueryResult, Signal
from mantissa_core.parse.log_types import LogTypes

from .book import ScheduleBook, Scheduled
from .expression import EPOCH
from .runs import Outcome, Run, Runs

if TYPE_CHECKING:
    from .book import Schedulable

THREADS = 4
"""Rules that are evaluated at once."""

Ask = Callable[[str, Mapping[str, Any]], QueryResult]
"""Runs a guarded query with these parameters; tables that hold nothing yet are empty."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """A run that is due: the rule, the window's beginning, and the scheduled time, which is its end."""

    entry: Scheduled
    start: datetime
    at: datetime


class Scheduler:
    """Evaluates scheduled rules. Several processes may run one each: every run happens once."""

    def __init__(
        self,
        lake: Lake,
        log_types: LogTypes,
        book: ScheduleBook,
        runs: Runs,
        failing: FailingRules,
        ask: Ask,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        shadows: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._lake, self._log_types, self._ask, self._clock = lake, log_types, ask, clock
        self._shadows = shadows
        self._book, self._runs, self._failing = book, runs, failing

    def scheduled(self) -> frozenset[str]:
        """The ids of the rules that have a schedule, be it enabled or not: they do not follow commits."""
        return frozenset(each.rule.id for each in self._book)

    def run(self) -> list[Signal]:
        """Run what is due, and return the signals once they are stored. A rule that fails is recorded.

        Raises:
            LakeError: the signals cannot be stored.
        """
        due = self.due()
        if not due:
            return []
        self._failing.refresh()
        with ThreadPoolExecutor(min(THREADS, len(due)), "mantissa-schedule") as pool:
            return [signal for found in pool.map(self._run, due) for signal in found]

    def due(self) -> list[Due]:
        """The run that each rule owes: the latest that was missed. A schedule seen for the first time begins now."""
        now, runs, found = self._clock(), self._runs.all(), []
        for entry in self._book:
            if not entry.enabled:
                continue
            if (run := runs.get(entry.rule.id)) is None:
                self._runs.begin(entry.rule.id, now)
                continue
            at = entry.timing.schedule.latest(now)
            if at is not None and at > datetime.fromisoformat(run.reached):
                found.append(Due(entry, entry.timing.start_after(at, self._succeeded(entry, run)), at))
        return found

    def _succeeded(self, entry: Scheduled, run: Run) -> datetime:
        """The last run whose signals are stored, also where the process died before it could say so."""
        recorded = datetime.fromisoformat(run.succeeded)
        if not run.claim:
            return recorded
        sequence = self._lake.ensure(SIGNALS).committed(_transaction(entry.rule))
        return max(recorded, EPOCH + timedelta(microseconds=sequence))

    def evaluate(self, rule: Schedulable, start: datetime, at: datetime) -> tuple[int, list[Signal]]:
        """What a rule finds in the window, and in how many rows; nothing is stored.

        Raises:
            MantissaError: the rule fails.
        """
        if not isinstance(rule, SqlRule):
            found = list(replay([rule], self._lake, self._log_types, Span(start, at)))
            return len(found), found
        values = {START: start, END: at}
        result = self._ask(rule.query, {name: values[name] for name in rule.parameters})
        return result.rows.num_rows, query_signals(rule, result, start, at)

    def _run(self, due: Due) -> Sequence[Signal]:
        rule, started = due.entry.rule, time.monotonic()
        if not (token := self._runs.claim(rule.id, due.at, self._clock())):
            return ()
        rows, found, error = 0, list[Signal](), ""
        try:
            rows, found = self.evaluate(rule, due.start, due.at)
        except Exception as problem:  # noqa: BLE001  # recorded with the rule; the others go on
            error = f"{type(problem).__name__}: {problem}"
        if not self._runs.renew(rule.id, token, self._clock()):
            _log.warning("run was taken over", rule=rule.id, at=due.at.isoformat())
            return ()
        try:
            stored = self._store(rule, found, due.at)
        except BaseException:
            self._runs.release(rule.id, token)
            raise
        took = round((time.monotonic() - started) * 1000)
        self._runs.finish(rule.id, token, due.at, Outcome(self._clock(), rows, len(stored), took, error))
        self._count(rule, error)
        return stored

    def _store(self, rule: Schedulable, found: Sequence[Signal], at: datetime) -> list[Signal]:
        table = self._lake.ensure(SIGNALS)
        sequence = (at - EPOCH) // timedelta(microseconds=1)
        if table.committed(_transaction(rule)) >= sequence:
            return []  # by a process that died before it could say so
        return list(
            commit_signals(table, unstored(table, shadowed(found, self._shadows())), _transaction(rule), sequence)
        )

    def _count(self, rule: Schedulable, error: str) -> None:
        if not error:
            self._failing.worked([rule.id])
            return
        _log.warning("rule failed", rule=rule.id, source=rule.source, error=error)
        tables = rule.tables if isinstance(rule, SqlRule) else ()
        self._failing.failed(rule.id, rule.title, ", ".join(tables), error)


def _transaction(rule: Schedulable) -> str:
    return f"detect:schedule/{rule.id}"
