"""Tests of a rule, made with it: events that it must and must not match, at the threshold, below it, and beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from mantissa_core.ask.plan import Compare, Scalar

from .base import Base
from .counted import Counted
from .events import event_for
from .native import both

MOST = 1_000
"""Events of one test; larger thresholds go without tests."""
_SAMPLES: Mapping[str, tuple[Scalar, ...]] = {
    "m_user": ("amara@example.com", "lin@example.com", "noor@example.com"),
    "m_src_ip": ("203.0.113.17", "198.51.100.23", "192.0.2.44"),
    "m_dst_ip": ("203.0.113.80", "198.51.100.81", "192.0.2.82"),
}
MANY = {"m_user": "user{n}@example.com", "m_src_ip": "2001:db8::{n}", "m_dst_ip": "2001:db8::{n}"}
"""Different values, ``{n}`` being the number of the repetition."""
_PLAIN: tuple[Scalar, ...] = ("one", "two", "three", 1, 2, 3)
_Case = dict[str, Any]
_Event = Mapping[str, Any]


def event_cases(base: Base, named: bool) -> Iterator[_Case]:
    """Events for a rule that alerts by itself, or below a correlation (``named``)."""
    own = {"rule": base.name} if named else {}
    if event := base.event():
        yield {"name": f"{base.log_type.title}: what the rule is about", **own, "match": True, "event": event}
    for number, other in enumerate(base.others(), start=1):
        name = f"{base.log_type.title}: something else, {number}"
        yield {"name": name, **own, "match": False, "event": other}


def count_cases(found: Counted, below: Sequence[Base], rule: str) -> Iterator[_Case]:
    """Sequences of events for a correlation that counts."""
    if found.enough > MOST or found.measure.function in ("sum", "avg"):
        return
    several = len(below) > 1
    for number, base in enumerate(below):
        made = _Sequences(found, base, rule, several)
        yield from made.all() if number == 0 else made.shortest()


class _Sequences:
    """The sequences with one log's events."""

    def __init__(self, found: Counted, base: Base, rule: str, several: bool) -> None:
        self._found, self._base = found, base
        self._rule = {"rule": rule}
        self._log = {"log_type": base.log_type.name} if several else {}
        self._count = int(found.enough)
        self._groups = list(group_values(found.groups, base))

    def all(self) -> Iterator[_Case]:
        """At the threshold, beside it, over a longer time, in two groups, about something else."""
        one = self._event(0)
        if one is None:
            return
        yield from self.shortest()
        beyond = self._count + (1 if self._found.few else -1)
        if beyond:
            yield self._case(f"{beyond} of them", False, [self._repeated(one, beyond, self._close(beyond))])
        if self._count > 1 and not self._found.few:
            apart = self._found.span // (self._count - 1) + timedelta(seconds=1)
            yield self._case("as many over a longer time", False, [self._repeated(one, self._count, apart)])
            if (other := self._event(1)) is not None and self._found.groups:
                steps = [
                    self._repeated(one, self._count - 1, self._close(self._count)),
                    {"at": "0s", **self._step(other)},
                ]
                yield self._case("as many of two together", False, steps)
        wanted = self._wanted(0)
        for number, event in enumerate(self._base.others(*wanted), start=1):
            if not self._found.few:
                step = self._repeated(event, self._count, self._close(self._count))
                yield self._case(f"as many of something else, {number}", False, [step])

    def shortest(self) -> Iterator[_Case]:
        """Just at the threshold."""
        if (event := self._event(0)) is None:
            return
        step = self._repeated(event, self._count, self._close(self._count))
        case = self._case(f"{self._count} of them", True, [step])
        if self._groups and self._found.groups:
            paths = [str(value) for value in self._groups[0]]
            case["groups"] = [dict(zip(self._found.groups, paths, strict=True))]
        yield case

    def _wanted(self, group: int) -> list[Compare]:
        if self._found.groups and group >= len(self._groups):
            return []
        values = self._groups[group] if self._found.groups else ()
        wanted = [Compare(field=name, value=value) for name, value in zip(self._found.groups, values, strict=True)]
        if self._found.type == "value_count":
            field = str(self._found.measure.field)
            wanted.append(Compare(field=field, value=MANY.get(field, "value {n}")))
        return wanted

    def _event(self, group: int) -> _Event | None:
        wanted = self._wanted(group)
        if self._found.groups and not wanted:
            return None
        return self._base.event(*wanted)

    def _close(self, count: int) -> timedelta:
        """So far apart that ``count`` of them fit into the time."""
        return timedelta(seconds=int(self._found.span.total_seconds() // max(count, 1)))

    def _repeated(self, event: _Event, count: int, every: timedelta) -> _Case:
        if count == 1:
            return {"at": "0s", **self._step(event)}
        return {"at": "0s", "repeat": count, "every": f"{int(every.total_seconds())}s", **self._step(event)}

    def _step(self, event: _Event) -> _Case:
        return {**self._log, "event": event}

    def _case(self, name: str, match: bool, steps: list[_Case]) -> _Case:
        title = f"{self._base.log_type.title}: {name}"
        return {"name": title, **self._rule, "match": match, "sequence": steps}


def order_cases(first: Base, second: Base, group: tuple[str, ...], span: timedelta, rule: str, *, ordered: bool,
                repeat: int = 1, log_types: bool = False) -> Iterator[_Case]:  # fmt: skip
    """Sequences of events for a correlation of two things, the first of which must happen ``repeat`` times."""
    sets = [(first.event(*wanted), second.event(*wanted)) for wanted in _wanted_groups(group, first, second)]
    good = [(one, two) for one, two in sets if one is not None and two is not None]
    if not good:
        return
    late = f"{int(span.total_seconds()) * 2 + 60}s"

    def step(base: Base, event: _Event, at: str, times: int = 1) -> _Case:
        log = {"log_type": base.log_type.name} if log_types else {}
        again = {"repeat": times, "every": "0s"} if times > 1 else {}
        return {"at": at, **again, **log, "event": event}

    one, two = good[0]
    middle = f"{max(1, int(span.total_seconds()) // 2)}s"
    yield {"name": "one, then the other", "rule": rule, "match": True,
           "sequence": [step(first, one, "0s", repeat), step(second, two, middle)]}  # fmt: skip
    if repeat > 1 and event_for(both(first.tree, second.tree), first.log_type) is not None:
        return  # the events that are counted are those that follow, too
    yield {"name": "too late", "rule": rule, "match": False,
           "sequence": [step(first, one, "0s", repeat), step(second, two, late)]}  # fmt: skip
    yield {"name": "only the first", "rule": rule, "match": False, "sequence": [step(first, one, "0s", repeat)]}
    yield {"name": "only the second", "rule": rule, "match": False, "sequence": [step(second, two, "0s")]}
    if ordered:
        yield {"name": "the other way round", "rule": rule, "match": False,
               "sequence": [step(second, two, "0s"), step(first, one, middle, repeat)]}  # fmt: skip
    if group and len(good) > 1:
        yield {"name": "of two together", "rule": rule, "match": False,
               "sequence": [step(first, one, "0s", repeat), step(second, good[1][1], middle)]}  # fmt: skip


def _wanted_groups(group: tuple[str, ...], first: Base, second: Base) -> Iterator[list[Compare]]:
    if not group:
        yield []
    shared = [each for each in group_values(group, first) if each in set(group_values(group, second))]
    for values in shared if group else ():
        yield [Compare(field=name, value=value) for name, value in zip(group, values, strict=True)]


def group_values(groups: tuple[str, ...], base: Base) -> Iterator[tuple[Scalar, ...]]:
    """Values by which groups are told apart, as far as events of the log can have them."""
    if not groups:
        return
    choices = [_SAMPLES.get(each, _PLAIN) for each in groups]
    longest = max(map(len, choices))
    for number in range(longest):
        values = tuple(each[number % len(each)] for each in choices)
        wanted = [Compare(field=name, value=value) for name, value in zip(groups, values, strict=True)]
        if base.event(*wanted) is not None:
            yield values
