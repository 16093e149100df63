"""When things happen: a day's activity, hour by hour."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate

OFFICE_HOURS = (1, 1, 1, 1, 2, 4, 12, 40, 80, 95, 100, 90, 60, 85, 95, 95, 90, 75, 45, 25, 15, 8, 4, 2)
"""How busy people are in each hour of a working day, UTC, in percent of the busiest."""

MACHINE_HOURS = tuple(60 + people * 4 // 10 for people in OFFICE_HOURS)
"""Machines never sleep, and work more when people do."""

WEEKEND = 0.12
"""What is left of people's activity on Saturdays and Sundays."""


class Clock:
    """The span of a simulation: whole days from midnight UTC."""

    def __init__(self, start: date, days: int) -> None:
        if days < 1:
            raise ValueError(f"a simulation lasts at least a day, found {days}")
        self.start = datetime.combine(start, time(), UTC)
        self.days = days
        self._bounds = list(accumulate(_weights(self.start, days)))

    def at(self, position: float) -> datetime:
        """The moment when the share ``position`` of all machine activity is over."""
        share = position * self._bounds[-1]
        hour = min(bisect_right(self._bounds, share), len(self._bounds) - 1)
        before = self._bounds[hour - 1] if hour else 0.0
        within = (share - before) / (self._bounds[hour] - before)
        return self.start + timedelta(hours=hour, seconds=int(within * 3600))

    def day(self, number: int) -> datetime:
        """Midnight of the day ``number``, counted from 0."""
        return self.start + timedelta(days=number)


def bustle(moment: datetime) -> float:
    """How much of people's busiest hour there is at ``moment``, 0 to 1."""
    share = OFFICE_HOURS[moment.hour] / 100
    return share * WEEKEND if moment.weekday() >= 5 else share


def _weights(start: datetime, days: int) -> Iterator[float]:
    for day in range(days):
        quiet = 0.7 if (start + timedelta(days=day)).weekday() >= 5 else 1.0
        yield from (quiet * weight for weight in MACHINE_HOURS)
