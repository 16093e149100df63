"""The times of syslog messages: with or without a year, a zone, fractions of a second."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

MONTHS = {
    name: number
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)  # noqa: SIM905
}
TEXT = (
    r"(?:(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"
    r"|[*.]?(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(?P<day>\d{1,2})"
    r"(?: (?P<year>\d{4}))? (?P<clock>\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)(?: (?P<late>\d{4}))?"
    r"(?: (?P<zone>[A-Z]{3,5})(?=[ :]|$))?)"
)
"""A time at the beginning of a message: ISO 8601, or as in RFC 3164, with what vendors add to it."""
_TOMORROW = timedelta(days=1)
_WORLD = frozenset({"UTC", "GMT"})


def read_time(found: re.Match[str], zone: tzinfo, reference: datetime) -> str | None:
    """The time that :data:`TEXT` has found, as ISO 8601 text; ``None`` where there is no such day or hour.

    Without a year it is the latest such day that is not more than a day after ``reference``, when it arrived.
    ``zone`` is for times that name none.
    """
    if text := found["iso"]:
        return _iso(text, zone)
    month, day, clock = MONTHS[found["month"]], int(found["day"]), found["clock"].replace(",", ".")
    zone = UTC if found["zone"] in _WORLD else zone
    year = found["year"] or found["late"]
    try:
        return _dated(int(year) if year else _year(month, day, clock, zone, reference), month, day, clock, zone)
    except ValueError:
        return None


def _iso(text: str, zone: tzinfo) -> str | None:
    text = text.replace(",", ".").replace(" ", "T", 1)
    if text[-1] == "Z" or text[-6:-5] in ("+", "-") or text[-5] in "+-":
        return text if _real(text[:19]) else None
    try:
        return _dated(int(text[:4]), int(text[5:7]), int(text[8:10]), text[11:], zone)
    except ValueError:
        return None


def _real(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _dated(year: int, month: int, day: int, clock: str, zone: tzinfo) -> str:
    if clock[:2] > "23" or clock[3] > "5" or clock[6:8] > "60":
        raise ValueError("no such hour")
    whole = clock.replace(":60", ":59") if clock[6] == "6" else clock  # a leap second
    if zone is UTC:
        return f"{_day(year, month, day)}T{whole}Z"
    local = datetime(year, month, day, int(whole[:2]), int(whole[3:5]), int(whole[6:8]), tzinfo=zone).isoformat()
    return f"{local[:19]}{whole[8:]}{local[19:]}"


@lru_cache(maxsize=64)
def _day(year: int, month: int, day: int) -> str:
    return date(year, month, day).isoformat()


def _year(month: int, day: int, clock: str, zone: tzinfo, reference: datetime) -> int:
    year, *latest = _latest(reference, zone)
    if [month, day, clock[:8]] > latest:
        year -= 1
    if (month, day) == (2, 29):
        while year % 4 or (year % 100 == 0 and year % 400):
            year -= 1
    return year


@lru_cache(maxsize=8)
def _latest(reference: datetime, zone: tzinfo) -> tuple[int, int, int, str]:
    """Year, month, day and clock up to which a time is believed."""
    latest = (reference + _TOMORROW).astimezone(zone)
    return latest.year, latest.month, latest.day, f"{latest:%H:%M:%S}"
