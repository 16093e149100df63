"""What ``event_count`` and ``value_*`` measure, over a window that slides: in at one end, out at the other."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

from mantissa_core.detect.ir.text import number_of

from .correlation import Correlation, Kind, Threshold

Value = str | tuple[str, ...]
MOST_DIGITS = 400
"""Larger numbers are no measurements; exact arithmetic on them would take for ever."""


class Metric(Protocol):
    """A measure of the events in the window; ``measure`` is ``None`` where there is nothing to measure."""

    def add(self, values: Sequence[Value]) -> None:
        """An event with these values enters the window."""

    def remove(self, values: Sequence[Value]) -> None:
        """The event leaves it."""

    def measure(self) -> float | Fraction | None:
        """The measure of what is inside."""


def metric_of(correlation: Correlation) -> Metric:
    """An empty window's metric."""
    condition = correlation.condition
    if not isinstance(condition, Threshold):
        raise TypeError(f"{correlation.kind} measures nothing")
    match correlation.kind:
        case Kind.EVENT_COUNT:
            return _EventCount()
        case Kind.VALUE_COUNT:
            return _ValueCount()
        case Kind.VALUE_SUM:
            return _Total()
        case Kind.VALUE_AVG:
            return _Average()
        case _:
            return _Percentile(condition.percentile)


class _EventCount:
    """How many events."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, values: Sequence[Value]) -> None:
        self._count += 1

    def remove(self, values: Sequence[Value]) -> None:
        self._count -= 1

    def measure(self) -> float:
        return self._count


class _ValueCount:
    """How many different values, compared as they are written."""

    def __init__(self) -> None:
        self._seen: Counter[Value] = Counter()

    def add(self, values: Sequence[Value]) -> None:
        self._seen.update(values)

    def remove(self, values: Sequence[Value]) -> None:
        for value in values:
            self._seen[value] -= 1
            if not self._seen[value]:
                del self._seen[value]

    def measure(self) -> float:
        return len(self._seen)


class _Total:
    """The sum, exact: what left the window leaves no rounding error behind."""

    def __init__(self) -> None:
        self._sum, self._count = Fraction(), 0

    def add(self, values: Sequence[Value]) -> None:
        found = numbers(values)
        self._sum, self._count = self._sum + sum(found), self._count + len(found)

    def remove(self, values: Sequence[Value]) -> None:
        found = numbers(values)
        self._sum, self._count = self._sum - sum(found), self._count - len(found)

    def measure(self) -> Fraction | None:
        return self._sum if self._count else None


class _Average(_Total):
    """The mean."""

    def measure(self) -> Fraction | None:
        return self._sum / self._count if self._count else None


class _Percentile:
    """The value below which ``percent`` of a hundred lie, interpolated between neighbours (SQL's percentile_cont)."""

    def __init__(self, percent: int) -> None:
        self._percent = percent
        self._sorted: list[Fraction] = []

    def add(self, values: Sequence[Value]) -> None:
        for number in numbers(values):
            insort(self._sorted, number)

    def remove(self, values: Sequence[Value]) -> None:
        for number in numbers(values):
            del self._sorted[bisect_left(self._sorted, number)]

    def measure(self) -> Fraction | None:
        if not self._sorted:
            return None
        whole, part = divmod(self._percent * (len(self._sorted) - 1), 100)
        low = self._sorted[whole]
        return low + (self._sorted[whole + 1] - low) * Fraction(part, 100) if part else low


def numbers(values: Sequence[Value]) -> list[Fraction]:
    """The values that spell numbers."""
    found = (number_of(each) for each in values if isinstance(each, str) and len(each) <= MOST_DIGITS)
    return [Fraction(each) for each in found if each is not None and each - each == 0]
