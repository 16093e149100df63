"""Conditions on an alert: compiled once, asked in microseconds, and able to say what they wanted and found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from mantissa_core.model.alert import Alert

from .daytime import Daytime
from .entity import Entity
from .glob import Globs
from .sections import When, Within

_SHOWN = 3


class Subject:
    """What conditions look at. ``environments`` are worked out when the first condition asks for them."""

    def __init__(self, alert: Alert, now: datetime, environments: Callable[[Alert], Sequence[str]]) -> None:
        self.alert, self.now, self._environments = alert, now, environments

    @cached_property
    def environments(self) -> Sequence[str]:
        """The names of the environments that the alert belongs to."""
        return self._environments(self.alert)


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of a ``when``. ``wanted`` says what it stands for, ``found`` what an alert has instead."""

    name: str
    wanted: str
    holds: Callable[[Subject], bool]
    found: Callable[[Subject], str]

    @property
    def text(self) -> str:
        """For people: ``severities high or critical``."""
        return f"{self.name} {self.wanted}"


def compiled(when: Within) -> tuple[Condition, ...]:
    """The conditions of a ``when``, cheap ones first."""
    return tuple(_conditions(when))


def unmet(conditions: Iterable[Condition], subject: Subject) -> Condition | None:
    """The first condition that does not hold."""
    for each in conditions:
        if not each.holds(subject):
            return each
    return None


def _conditions(when: Within) -> Iterator[Condition]:
    if when.severities:
        yield _severities(when.severities)
    if when.sources:
        yield _listed("sources", when.sources, [_table(each) for each in when.sources], _sources)
    if when.tags:
        yield _listed("tags", when.tags, when.tags, lambda subject: subject.alert.tags)
    if when.rules:
        yield _listed("rules", when.rules, when.rules, _rule)
    for kind, wanted in when.entities.items():
        yield _entities(kind, wanted)
    if isinstance(when, When):
        if when.environments:
            yield _listed("environments", when.environments, when.environments, lambda subject: subject.environments)
        yield from _times(when)


def _severities(wanted: Collection[str]) -> Condition:
    allowed = frozenset(wanted)
    return Condition(
        "severities", _either(wanted), lambda each: each.alert.severity in allowed, lambda each: each.alert.severity
    )


def _listed(
    name: str, wanted: Sequence[str], patterns: Iterable[str], values: Callable[[Subject], Sequence[str]]
) -> Condition:
    globs = Globs(patterns)
    return Condition(name, _either(wanted), lambda each: globs.any(values(each)), lambda each: few(values(each)))


def _entities(kind: str, wanted: Sequence[str]) -> Condition:
    entity = Entity(kind, wanted)

    def values(subject: Subject) -> Sequence[str]:
        return subject.alert.entities.get(kind, ())

    return Condition(
        f"entities.{kind}", _either(wanted), lambda each: entity.any(values(each)), lambda each: few(values(each))
    )


def _times(when: When) -> Iterator[Condition]:
    clock = Daytime(when.days or (), when.hours or (), when.timezone)
    if when.hours:
        wanted = f"{_either(when.hours)} {when.timezone}"
        yield Condition("hours", wanted, lambda each: clock.hour_fits(each.now), lambda each: clock.shown(each.now))
    if when.days:
        wanted = _either(when.days) + ("" if when.hours else f" {when.timezone}")
        yield Condition("days", wanted, lambda each: clock.day_fits(each.now), lambda each: clock.shown(each.now))


def _table(pattern: str) -> str:
    """A log type's table is its name with underscores."""
    return pattern.replace(".", "_")


def _sources(subject: Subject) -> Sequence[str]:
    """The alert's tables; a rule in SQL may read several."""
    return subject.alert.table.split(", ")


def _rule(subject: Subject) -> Sequence[str]:
    return subject.alert.rule_id, subject.alert.rule_name


def few(values: Sequence[str]) -> str:
    """Some of the values, for people."""
    listed = [each for each in values if each]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more if listed else "none"


def _either(values: Collection[str]) -> str:
    *others, last = map(str, values)
    return f"{', '.join(others)} or {last}" if others else last
