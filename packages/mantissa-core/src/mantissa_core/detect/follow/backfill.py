"""Rules on the stored events of a span: the signals that are missing are stored, and none twice.

The files are those of the moment at which the backfill is made. Whoever then lets the engine catch up before running
it, can be sure that no event is still ahead of the engine, which would find the same once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from mantissa_core.detect.match.route import routed
from mantissa_core.detect.rules.filters import Filter
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.stages import shadowed
from mantissa_core.detect.schedule.expression import EPOCH
from mantissa_core.detect.schedule.timing import Timing
from mantissa_core.detect.signals import SIGNALS, commit_signals, unstored
from mantissa_core.detect.sql_rules import SqlRule
from mantissa_core.errors import RuleError
from mantissa_core.lake.files import DataFile
from mantissa_core.lake.lake import Lake
from mantissa_core.model import Signal
from mantissa_core.parse.log_types import LogTypes

from .history import Span, replay, span_files

if TYPE_CHECKING:
    from mantissa_core.detect.schedule.scheduler import Scheduler

TRANSACTION = "detect:backfill"

MOST_RUNS = 1000
"""Runs of one scheduled SQL rule in a span."""

_log = structlog.get_logger(__name__)


class Backfill:
    """Evaluates rules once over the events with ``start <= m_time < end``, SQL rules at their scheduled times therein.

    ``problems`` says, by rule id, which rules failed on some events; the others went on.
    """

    def __init__(
        self,
        lake: Lake,
        log_types: LogTypes,
        scheduler: Scheduler,
        rules: Sequence[Rule],
        queries: Sequence[tuple[SqlRule, Timing]],
        span: Span,
        shadows: frozenset[str] = frozenset(),
    ) -> None:
        """Note what is to be done; ``RuleError`` where an SQL rule would run more than :data:`MOST_RUNS` times."""
        self._lake, self._log_types, self._scheduler = lake, log_types, scheduler
        self._rules, self._span, self._shadows = rules, span, shadows
        self._queries = [(rule, timing, _times(rule, timing, span)) for rule, timing in queries]
        self.problems: dict[str, str] = {}
        present = set(lake.tables())
        tables = [name for name in routed(rules, log_types) if name in present]
        self._files: dict[str, list[DataFile]] = {name: span_files(lake.table(name), span) for name in tables}

    def run(self) -> Iterator[Signal]:
        """Yield the signals that were missing, once they are stored.

        Raises:
            LakeError: an event cannot be read, or a signal cannot be stored.
            Fenced: another backfill stored signals in the meantime.
        """
        yield from store_missing(self._lake, self._found(), TRANSACTION, self._shadows)

    def _found(self) -> Iterator[Signal]:
        yield from replay(
            self._rules, self._lake, self._log_types, self._span, files=self._files, failed=self._failed
        )  # fmt: skip
        for rule, timing, times in self._queries:
            for at in times:
                try:
                    yield from self._scheduler.evaluate(rule, timing.start(at), at)[1]
                except Exception as error:  # noqa: BLE001  # told with the rule; the other runs go on
                    self._failed(rule, error)

    def _failed(self, rule: Rule | SqlRule | Filter, error: Exception) -> None:
        if rule.id not in self.problems:
            self.problems[rule.id] = f"{type(error).__name__}: {error}"
            _log.warning("rule failed", rule=rule.id, source=rule.source, error=self.problems[rule.id])


def _times(rule: SqlRule, timing: Timing, span: Span) -> list[datetime]:
    """When the rule would have run; a run at the span's end looks at what is before it."""
    end = span.end or datetime.now(UTC)
    at = timing.schedule.after(span.start or EPOCH)
    times: list[datetime] = []
    while at is not None and at <= end:
        if len(times) == MOST_RUNS:
            raise RuleError(
                f"{rule.title}: {timing.schedule.text} would run more than {MOST_RUNS} times: choose a shorter span"
            )
        times.append(at)
        at = timing.schedule.after(at)
    return times


def store_missing(lake: Lake, signals: Iterable[Signal], transaction: str, shadows: frozenset[str]) -> Iterator[Signal]:
    """Store those signals that are not, and yield them; whoever else does so under the transaction is refused.

    ``shadows`` are the ids of rules on trial.
    """
    table = lake.ensure(SIGNALS)
    found = unstored(table, shadowed(signals, shadows))
    yield from commit_signals(table, found, transaction, table.committed(transaction) + 1)
