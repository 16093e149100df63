"""Which matches a filter silences: looked at on the rows that a rule matched, and on no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow as pa

from mantissa_core.detect.ir.tree import Not
from mantissa_core.detect.rules.filters import Filter
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import LogType, Severity, Signal

from .matcher import Hits, Matcher

Failed = Callable[[Filter, Exception], None]


class Suppressor:
    """The filters of one log type's rules."""

    def __init__(
        self, rules: Iterable[Rule], log_type: LogType, today: Callable[[], date] = lambda: datetime.now(UTC).date()
    ) -> None:
        self._today = today
        filters = {each.id: each for rule in rules for each in rule.filters}
        self._matchers = {each.id: Matcher([_silencing(each)], log_type) for each in filters.values()}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the filters need."""
        return tuple(dict.fromkeys(name for each in self._matchers.values() for name in each.columns))

    def marked(self, signals: Iterable[Signal], hits: Hits, rows: pa.RecordBatch, failed: Failed) -> Iterator[Signal]:
        """The hits' signals, in their order, those that a filter silences marked with its id.

        A filter that fails silences nothing; ``failed`` is told.
        """
        silenced = self._silenced(hits, rows, failed)
        for number, signal in enumerate(signals):
            if (by := silenced.get(number)) is not None:
                signal = replace(signal, suppressed_by=by, disposition="suppressed")
            yield signal

    def _silenced(self, hits: Hits, rows: pa.RecordBatch, failed: Failed) -> dict[int, str]:
        """By position among the hits the first filter that silences it."""
        found: dict[int, str] = {}
        active = [each for each in hits.rule.filters if each.applies(self._today())]
        subset = rows.take(hits.rows) if active else rows
        for each in active:
            try:
                positions = _positions(self._matchers[each.id].match(subset))
            except Exception as error:  # noqa: BLE001  # told to the caller; an alert too many beats one too few
                failed(each, error)
                continue
            for position in positions:
                found.setdefault(position, each.id)
        return found


def _silencing(each: Filter) -> Rule:
    """What the filter suppresses, as a rule: that its condition does not hold."""
    return Rule(each.id, each.title, Severity.MEDIUM, each.logsource, Not(each.ir), each.text, each.source)


def _positions(found: Iterable[Hits]) -> Sequence[int]:
    positions: list[int] = []
    for hits in found:
        if hits.error is not None:
            raise hits.error
        positions += hits.rows.to_pylist()
    return positions
