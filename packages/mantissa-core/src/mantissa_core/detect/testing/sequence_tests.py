"""Correlations with the sequences of events that they must and must not fire on: ``<rule>.tests.yml``.

.. code-block:: yaml

    tests:
      - name: six failures of one user within ten minutes
        match: true
        times: 1
        groups: [{actor: ann}]
        sequence:
          - {at: 0s, repeat: 6, every: 90s, event: {verb: login_failed, actor: ann}}

The events may stand in any order: ``at`` says when they happened. After the last one nothing comes, so that every
window has ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.errors import RuleError

from .entries import read_entries
from .rule_tests import plain_event

MOST = 10_000
"""Events of one sequence."""

LONGEST = timedelta(days=3660)
"""How far from its beginning an event may be."""

_KEYS = frozenset({"name", "rule", "match", "times", "groups", "sequence"})
_STEP_KEYS = frozenset({"at", "event", "log_type", "repeat", "every"})
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_LENGTH = re.compile(r"(?:[0-9]{1,9}(?:ms|d|h|m|s))+")
_PART = re.compile(r"([0-9]+)(ms|d|h|m|s)")
_COUNTER = "{n}"


@dataclass(frozen=True, slots=True)
class Step:
    """An event as the vendor sends it, and when it happened. ``log_type`` is needed where the rules read several."""

    at: timedelta
    event: Mapping[str, Any]
    log_type: str = ""


@dataclass(frozen=True, slots=True)
class SequenceTest:
    """Events, and whether the correlation fires: how often (``times``) and for which ``groups``, where that is said."""

    name: str
    match: bool
    steps: tuple[Step, ...]
    times: int | None = None
    groups: tuple[Mapping[str, str], ...] | None = None


def sequences_of(correlation: Correlation) -> list[SequenceTest]:
    """The tests that stand beside the correlation's file; none where there is no such file.

    Raises:
        RuleError: the file is broken; names it and the test.
    """
    return read_entries(correlation, "sequence", lambda entry: _test(entry, correlation.group_by))


def _test(entry: Mapping[str, Any], group_by: tuple[str, ...]) -> SequenceTest:
    name, match, times = str(entry.get("name", "")), entry.get("match"), entry.get("times")
    if unknown := sorted(set(map(str, entry)) - _KEYS):
        raise RuleError(f"{name}: {unknown[0]}: unknown, expected one of {', '.join(sorted(_KEYS))}")
    if not isinstance(match, bool):
        raise RuleError(f"{name}: match: found {match!r}, expected true or false")
    if times is not None and (not match or type(times) is not int or times < 1):
        raise RuleError(f"{name}: times: found {times!r}, expected how often it fires, from 1, with match: true")
    steps: list[Step] = []
    for number, each in enumerate(entry["sequence"], start=1):
        if len(steps) >= MOST:
            raise RuleError(f"{name}: sequence: more than {MOST} events")
        steps += _steps(each, f"{name}: sequence, entry {number}", MOST - len(steps))
    if not steps:
        raise RuleError(f"{name}: sequence: empty, expected events with at and event")
    return SequenceTest(name, match, tuple(steps), times, _groups(entry.get("groups"), match, name, group_by))


def _groups(found: object, match: bool, name: str, group_by: tuple[str, ...]) -> tuple[Mapping[str, str], ...] | None:
    if found is None:
        return None
    good = isinstance(found, list) and all(isinstance(each, Mapping) and set(each) == set(group_by) for each in found)
    if not good or not match or not group_by:
        fields = ", ".join(group_by) or "no group-by: leave it out"
        raise RuleError(f"{name}: groups: expected a list of mappings with {fields}, with match: true")
    return tuple({str(key): str(value) for key, value in each.items()} for each in found)  # type: ignore[attr-defined]


def _steps(entry: object, place: str, room: int) -> Iterator[Step]:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("event"), Mapping):
        raise RuleError(f"{place}: found {entry!r}, expected at and event")
    if unknown := sorted(set(map(str, entry)) - _STEP_KEYS):
        raise RuleError(f"{place}: {unknown[0]}: unknown, expected one of {', '.join(sorted(_STEP_KEYS))}")
    at, log_type = _length(entry.get("at"), f"{place}: at"), str(entry.get("log_type") or "")
    event, repeat = plain_event(place, entry["event"]), entry.get("repeat")
    if repeat is None:
        if "every" in entry:
            raise RuleError(f"{place}: every: belongs to repeat")
        yield Step(at, event, log_type)
        return
    if type(repeat) is not int or not 1 <= repeat <= room:
        raise RuleError(
            f"{place}: repeat: found {repeat!r}, expected 1 to {room}: a sequence has {MOST} events at most"
        )
    every = _length(entry.get("every", "0s"), f"{place}: every")
    if at + every * repeat > LONGEST:
        raise RuleError(f"{place}: lasts more than {LONGEST.days} days")
    for number in range(repeat):
        yield Step(at + number * every, _counted(event, str(number + 1)), log_type)


def _length(found: object, place: str) -> timedelta:
    text = "0s" if found == 0 else found
    if not isinstance(text, str) or not _LENGTH.fullmatch(text):
        raise RuleError(f"{place}: found {found!r}, expected a time since the beginning such as 0s, 90s or 4m30s")
    try:
        total = sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in _PART.findall(text)), timedelta())
    except OverflowError:
        total = timedelta.max
    if total > LONGEST:
        raise RuleError(f"{place}: found {text}, expected at most {LONGEST.days}d")
    return total


def _counted(value: Any, number: str) -> Any:
    """The event with ``{n}`` in its texts replaced by the number of the repetition."""
    if isinstance(value, str):
        return value.replace(_COUNTER, number)
    if isinstance(value, list):
        return [_counted(each, number) for each in value]
    if isinstance(value, dict):
        return {key: _counted(each, number) for key, each in value.items()}
    return value
