"""Days of the week and hours of the day, as a clock on the wall shows them in some place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)

_MIDNIGHT = 24 * 60
_HOURS = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")


def zone(name: str) -> tzinfo:
    """The time zone of an IANA name.

    Raises:
        ValueError: this system knows none of that name.
    """
    if name == "UTC":
        return UTC  # known everywhere
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder among the zones
        hint = "a system without any needs the package tzdata"
        raise ValueError(f"an IANA time zone such as Europe/Berlin or UTC ({hint})") from None


def minutes(hours: str) -> tuple[int, int]:
    """Begin and end of ``22:00-06:00`` in minutes since midnight. Where the end is the smaller, it is the next day's.

    Raises:
        ValueError: the text is no such span, or an empty one.
    """
    found = _HOURS.fullmatch(hours.strip())
    first, minute, last, to_minute = map(int, found.groups()) if found else (99, 0, 0, 0)
    begin, end = first * 60 + minute, last * 60 + to_minute
    if max(minute, to_minute) > 59 or begin >= _MIDNIGHT or end > _MIDNIGHT or begin == end:
        raise ValueError("hours such as '08:00-18:00' or '22:00-06:00' (over midnight), two different times")
    return begin, end


class Daytime:
    """Spans of hours on days of the week. A span over midnight belongs to the day on which it begins."""

    def __init__(self, days: Iterable[Day], hours: Iterable[str], timezone: str) -> None:
        self._days = frozenset(DAYS.index(each) for each in days)
        self._spans = tuple(minutes(each) for each in hours)
        self._zone, self._name = zone(timezone), timezone

    def hour_fits(self, now: datetime) -> bool:
        """Whether one of the spans of hours is under way."""
        return bool(self._began(now))

    def day_fits(self, now: datetime) -> bool:
        """Whether one that is under way began on one of the days; without hours, whether it is one of the days."""
        return not self._days.isdisjoint(self._began(now))

    def shown(self, now: datetime) -> str:
        """What the clock on the wall shows: ``sat 23:10 Europe/Berlin``."""
        there = now.astimezone(self._zone)
        return f"{DAYS[there.weekday()]} {there:%H:%M} {self._name}"

    def _began(self, now: datetime) -> list[int]:
        there = now.astimezone(self._zone)
        today, minute = there.weekday(), there.hour * 60 + there.minute
        if not self._spans:
            return [today]
        began = [today for begin, end in self._spans if begin <= minute < (end if begin < end else _MIDNIGHT)]
        return began + [(today - 1) % 7 for begin, end in self._spans if end < begin and minute < end]
