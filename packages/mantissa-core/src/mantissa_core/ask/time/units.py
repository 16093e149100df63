"""Units of the calendar in a time zone: where one begins, and the one some units away.

Computed on the wall clock: a day is from midnight to midnight, however many hours it has. Hours and less are counted in
elapsed time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Unit = Literal["second", "minute", "hour", "day", "week", "month", "quarter", "year"]

ELAPSED = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def start(moment: datetime, unit: Unit, zone: ZoneInfo) -> datetime:
    """Where the unit that holds ``moment`` begins, in UTC. Weeks begin on Monday (ISO 8601)."""
    local = moment.astimezone(zone).replace(microsecond=0)
    if unit in ELAPSED:
        local = local if unit == "second" else local.replace(second=0)
        return _utc(local.replace(minute=0) if unit == "hour" else local, zone)
    day = local.replace(hour=0, minute=0, second=0)
    match unit:
        case "week":
            day -= timedelta(days=day.weekday())
        case "month":
            day = day.replace(day=1)
        case "quarter":
            day = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case "year":
            day = day.replace(month=1, day=1)
    return _utc(day, zone)


def shifted(moment: datetime, count: int, unit: Unit, zone: ZoneInfo) -> datetime:
    """The moment ``count`` units away, in UTC; a day that the month does not have becomes its last.

    Raises:
        ValueError: the calendar ends before that.
    """
    try:
        if unit in ELAPSED:
            return (moment + count * ELAPSED[unit]).astimezone(UTC)
        local = moment.astimezone(zone)
        if unit in ("day", "week"):
            return _utc(local.replace(tzinfo=None) + timedelta(days=count * (7 if unit == "week" else 1)), zone)
        months = local.year * 12 + local.month - 1 + count * _MONTHS[unit]
        first = local.replace(year=months // 12, month=months % 12 + 1, day=1, tzinfo=None)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return _utc(first.replace(day=min(local.day, last.day)), zone)
    except OverflowError:
        raise ValueError(f"{count} {unit}s away is beyond the calendar") from None


def local_day(moment: datetime, zone: ZoneInfo, *, hour: int = 0, minute: int = 0) -> datetime:
    """A time of the day that holds ``moment``, in UTC."""
    day = moment.astimezone(zone).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return _utc(day, zone)


def date(year: int, month: int, day: int, zone: ZoneInfo) -> datetime:
    """Midnight of a date, in UTC.

    Raises:
        ValueError: there is no such date.
    """
    return _utc(datetime(year, month, day), zone)  # a wall clock


def _utc(wall: datetime, zone: ZoneInfo) -> datetime:
    """What a wall clock of the zone shows, in UTC; of an hour that comes twice the first one."""
    return wall.replace(tzinfo=zone, fold=wall.fold).astimezone(UTC)
