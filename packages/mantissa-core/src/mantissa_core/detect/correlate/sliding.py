"""``event_count`` and ``value_*``: a window of the timespan slides over a group's matches and ends at each in turn.

The window is closed: a match exactly a timespan old counts. Equal times are ordered by id.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from .correlation import Correlation, Threshold
from .hits import Match, micros_of
from .metrics import metric_of


@dataclass(frozen=True, slots=True)
class Found:
    """A match that completes a correlation, those that count with it (itself last), and what was measured."""

    match: Match
    window: Sequence[Match]
    measure: float | Fraction | None = None


@dataclass(frozen=True, slots=True)
class _Window:
    """Where a window begins and ends among the matches, and its measure."""

    first: int
    last: int
    measure: float | Fraction | None


def sliding(correlation: Correlation, matches: Sequence[Match]) -> Iterator[Found]:
    """The matches of one group at which the condition holds; one event counts once, whatever rules it matches."""
    condition = correlation.condition
    if not isinstance(condition, Threshold):
        raise TypeError(f"{correlation.kind} has no threshold")
    events = _events(matches)
    windows = list(_windows(correlation, events))
    holds = [
        each.measure is not None and condition.compare.holds(float(each.measure), condition.value) for each in windows
    ]
    if correlation.ahead:
        holds = _settled(holds, events, micros_of(correlation.timespan))
    for each, held in zip(windows, holds, strict=True):
        if held:
            yield Found(events[each.last], events[each.first : each.last + 1], each.measure)


def measures(correlation: Correlation, matches: Sequence[Match]) -> Iterator[tuple[Match, float | Fraction | None]]:
    """What is measured in the window that ends at each match of one group."""
    events = _events(matches)
    for each in _windows(correlation, events):
        yield events[each.last], each.measure


def _events(matches: Sequence[Match]) -> list[Match]:
    """One match for each event: the first, with the values of all."""
    events: list[Match] = []
    for each in matches:
        if events and events[-1].hit.key == each.hit.key:
            known = events[-1].values
            more = tuple(value for value in each.values if value not in known)
            events[-1] = replace(events[-1], values=known + more)
        else:
            events.append(each)
    return events


def _windows(correlation: Correlation, events: Sequence[Match]) -> Iterator[_Window]:
    metric, span, first = metric_of(correlation), micros_of(correlation.timespan), 0
    for last, event in enumerate(events):
        metric.add(event.values)
        while event.hit.time - events[first].hit.time > span:
            metric.remove(events[first].values)
            first += 1
        yield _Window(first, last, metric.measure())


def _settled(holds: Sequence[bool], events: Sequence[Match], span: int) -> list[bool]:
    """For ``lt`` and ``lte``: the matches of which no window that contains them reaches the threshold.

    A burst's first matches are few only until the others come. Of such matches in a row the first one is told.
    """
    few: list[bool] = [False] * len(events)
    over: deque[int] = deque()  # windows that reach the threshold and may contain the match at hand, nearest last
    for number in range(len(events) - 1, -1, -1):
        if not holds[number]:
            over.append(number)
        while over and events[over[0]].hit.time - events[number].hit.time > span:
            over.popleft()
        few[number] = not over
    return [
        now and not (number and few[number - 1] and events[number].hit.time - events[number - 1].hit.time <= span)
        for number, now in enumerate(few)
    ]
