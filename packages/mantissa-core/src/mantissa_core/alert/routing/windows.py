"""Maintenance windows: when nobody is told of some alerts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Protocol

from mantissa_core.cron import Cron, parse_cron
from mantissa_core.duration import parse_duration

from .conditions import Condition, Subject, compiled, unmet
from .daytime import zone
from .sections import MaintenanceSection

_SHIFT = timedelta(hours=3)
"""More than any clock is put forward or back at once."""
_TRIES = 400
"""More than the minutes of a shift twice."""


class Span(Protocol):
    """Times at which a window is open."""

    def until(self, now: datetime) -> datetime | None:
        """When the window closes that is open now."""

    def following(self, now: datetime) -> datetime | None:
        """When the next one opens."""


@dataclass(frozen=True, slots=True)
class Once:
    """From ``start`` until before ``end``."""

    start: datetime
    end: datetime

    def until(self, now: datetime) -> datetime | None:
        """When it closes, while it is open."""
        return self.end if self.start <= now < self.end else None

    def following(self, now: datetime) -> datetime | None:
        """When it opens, until then."""
        return self.start if now < self.start else None


@dataclass(frozen=True)
class Again:
    """Whenever a cron expression says, for a while; as the clock on the wall shows it in some place.

    A time that a clock put forward skips counts as the same time after the leap; one that comes twice counts once.
    """

    cron: Cron
    length: timedelta
    zone: tzinfo

    def until(self, now: datetime) -> datetime | None:
        """When it closes, while it is open."""
        start = _start(self.cron, self.zone, now.astimezone(UTC).replace(second=0, microsecond=0))
        return start + self.length if start is not None and now < start + self.length else None

    def following(self, now: datetime) -> datetime | None:
        """When it opens next."""
        at: datetime | None = _wall(now, self.zone) - _SHIFT
        for _ in range(_TRIES):
            at = self.cron.after(at) if at else None
            if at is None or _moment(at, self.zone) > now:
                break
        return _moment(at, self.zone) if at else None


@dataclass(frozen=True)
class Window:
    """A maintenance window and the alerts that it concerns."""

    label: str
    span: Span
    conditions: tuple[Condition, ...]

    @classmethod
    def of(cls, label: str, section: MaintenanceSection) -> Window:
        """The window of a section, which was validated."""
        if section.start is not None and section.end is not None:
            return cls(label, Once(section.start.astimezone(UTC), section.end.astimezone(UTC)), compiled(section.when))
        length = parse_duration(section.duration or "")
        span = Again(parse_cron(section.cron or ""), length, zone(section.timezone))
        return cls(label, span, compiled(section.when))


@dataclass(frozen=True, slots=True)
class Muted:
    """The window because of which nobody is told, and when it closes."""

    window: str
    until: datetime


def muted(windows: Iterable[Window], subject: Subject) -> Muted | None:
    """Of the open windows that concern the alert the one that closes last."""
    found = (
        Muted(each.label, until)
        for each in windows
        if (until := each.span.until(subject.now)) is not None and unmet(each.conditions, subject) is None
    )
    return max(found, key=lambda each: (each.until, each.window), default=None)


@lru_cache(256)
def _start(cron: Cron, place: tzinfo, minute: datetime) -> datetime | None:
    """The last moment up to a minute at which the cron expression was due."""
    found, wall = None, _wall(minute, place)
    at = cron.latest(wall + _SHIFT)
    while at is not None and (found is None or at >= wall - _SHIFT):
        moment = _moment(at, place)
        if moment <= minute:
            found = max(found or moment, moment)  # where a clock was put, they may come in another order
        at = cron.latest(at - timedelta(minutes=1))
    return found


def _wall(moment: datetime, place: tzinfo) -> datetime:
    """What the clock on the wall shows, written as if it were UTC, as cron expressions count."""
    return moment.astimezone(place).replace(tzinfo=UTC, fold=0)


def _moment(wall: datetime, place: tzinfo) -> datetime:
    """The moment at which the clock on the wall shows this (for the first time)."""
    return wall.replace(tzinfo=place).astimezone(UTC)
