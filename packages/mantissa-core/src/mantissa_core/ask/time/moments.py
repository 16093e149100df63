"""Points and stretches that words name by themselves: dates, weekdays, months, times of day, "yesterday".

Each becomes a span ``[lo, hi)`` of UTC, the latest one that is not in the future.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from .units import Unit, date, local_day, shifted, start

Span = tuple[datetime, datetime]

MONTHS = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sept sep", "october oct", "november nov", "december dec"), 1)
    for name in names.split()
}  # fmt: skip
WEEKDAYS = {
    name: number
    for number, names in enumerate(
        ("monday mon", "tuesday tues tue", "wednesday wed", "thursday thurs thur thu", "friday fri", "saturday sat",
         "sunday sun"))
    for name in names.split()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Present:
    """When and where somebody asks. ``day_first``: 3/11 is the third of November."""

    now: datetime
    zone: ZoneInfo
    day_first: bool = False

    def day(self, away: int = 0) -> datetime:
        """Midnight of the day that many days away."""
        return shifted(start(self.now, "day", self.zone), away, "day", self.zone)

    def unit(self, moment: datetime, unit: Unit) -> Span:
        """The unit that begins at ``moment``."""
        return moment, shifted(moment, 1, unit, self.zone)


def any_of(words: dict[str, int]) -> str:
    """A group that matches one of the words, longer ones first."""
    return "|".join(sorted(words, key=len, reverse=True))


_MONTH, _WEEKDAY = any_of(MONTHS), any_of(WEEKDAYS)
CLOCK = (
    r"(?P<hour{n}>\d{{1,2}})(?::(?P<minute{n}>\d\d))?\s*(?P<half{n}>am|pm)|(?P<hour24{n}>\d{{1,2}}):(?P<minute24{n}>\d\d)"
    r"|(?P<noon{n}>noon|midnight)"
)
"""A time of day; ``{n}`` numbers its groups."""


def clock(found: re.Match[str], number: str = "") -> tuple[int, int]:
    """Hour and minute of a match of :data:`CLOCK`.

    Raises:
        ValueError: there is no such time of day.
    """
    group = found.groupdict().get
    if named := group(f"noon{number}"):
        return (12, 0) if named == "noon" else (0, 0)
    if group(f"hour24{number}"):
        hour, minute = int(found[f"hour24{number}"]), int(found[f"minute24{number}"])
    else:
        hour, minute = int(found[f"hour{number}"]), int(found[f"minute{number}"] or 0)
        if not 1 <= hour <= 12:
            raise ValueError("no such hour")
        hour = hour % 12 + (12 if found[f"half{number}"] == "pm" else 0)
    if hour > 23 or minute > 59:
        raise ValueError("no such time of day")
    return hour, minute


def _today(found: re.Match[str], present: Present) -> Span:
    return present.unit(present.day({"today": 0, "yesterday": -1}[found["day"]]), "day")


def _weekday(found: re.Match[str], present: Present) -> Span:
    """The most recent one before today."""
    today = present.day().astimezone(present.zone).weekday()
    away = (today - WEEKDAYS[found["weekday"]] - 1) % 7 + 1
    return present.unit(present.day(-away), "day")


def _named_date(found: re.Match[str], present: Present) -> Span:
    return _date(found["year"], MONTHS[found["month"]], int(found["day"]), present)


def _numbers(found: re.Match[str], present: Present) -> Span:
    month, day = int(found["first"]), int(found["second"])
    if found["sep"] == "." or (present.day_first and found["sep"] == "/"):
        month, day = day, month
    return _date(found["year"], month, day, present)


def _iso(found: re.Match[str], present: Present) -> Span:
    day = date(int(found["year"]), int(found["month"]), int(found["day"]), present.zone)
    if found["hour24"]:
        hour, minute = clock(found)
        moment = local_day(day, present.zone, hour=hour, minute=minute)
        return moment, moment + timedelta(minutes=1)
    return present.unit(day, "day")


def _date(year: str | None, month: int, day: int, present: Present) -> Span:
    if year:
        return present.unit(date(_year(year), month, day, present.zone), "day")
    this = present.now.astimezone(present.zone).year
    for candidate in (this, this - 1, this - 2, this - 3, this - 4):  # February 29th comes every four years
        try:
            midnight = date(candidate, month, day, present.zone)
        except ValueError:
            continue
        if midnight <= present.now:
            return present.unit(midnight, "day")
    raise ValueError("no such date")


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _month(found: re.Match[str], present: Present) -> Span:
    month = MONTHS[found["month"]]
    year = int(found["year"]) if found["year"] else present.now.astimezone(present.zone).year
    begin = date(year, month, 1, present.zone)
    if begin > present.now and not found["year"]:
        begin = date(year - 1, month, 1, present.zone)
    return present.unit(begin, "month")


def _iso_month(found: re.Match[str], present: Present) -> Span:
    return present.unit(date(int(found["year"]), int(found["month"]), 1, present.zone), "month")


def _quarter(found: re.Match[str], present: Present) -> Span:
    month = int(found["quarter"]) * 3 - 2
    year = int(found["year"]) if found["year"] else present.now.astimezone(present.zone).year
    begin = date(year, month, 1, present.zone)
    if begin > present.now and not found["year"]:
        begin = date(year - 1, month, 1, present.zone)
    return present.unit(begin, "quarter")


def _only_year(found: re.Match[str], present: Present) -> Span:
    return present.unit(date(int(found["year"]), 1, 1, present.zone), "year")


def _time_of_day(found: re.Match[str], present: Present) -> Span:
    """The most recent such time."""
    hour, minute = clock(found)
    moment = local_day(present.now, present.zone, hour=hour, minute=minute)
    if moment > present.now:
        moment = local_day(present.day(-1), present.zone, hour=hour, minute=minute)
    return moment, moment + timedelta(minutes=1)


_YEAR = r"(?:,?\s+(?P<year>(?:19|20)\d\d))?"
_ORDINAL = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"

Reading = Callable[[re.Match[str], Present], Span]

MOMENTS: tuple[tuple[re.Pattern[str], Reading], ...] = tuple(
    (re.compile(pattern), reading)
    for pattern, reading in (
        (r"(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)-(?P<day>\d\d)(?:[t ]+(?P<hour24>\d\d):(?P<minute24>\d\d))?", _iso),
        (r"(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)", _iso_month),
        (rf"(?P<month>{_MONTH})\.?\s+{_ORDINAL}(?!\d|:|\s*[ap]m){_YEAR}", _named_date),
        (rf"(?:the\s+)?{_ORDINAL}\s+(?:of\s+)?(?P<month>{_MONTH})\b\.?{_YEAR}", _named_date),
        (r"(?P<first>\d{1,2})(?P<sep>[/.])(?P<second>\d{1,2})(?P=sep)(?P<year>(?:20)?\d\d)", _numbers),
        (rf"(?P<month>{_MONTH})\b\.?(?:\s+(?:of\s+)?(?P<year>(?:19|20)\d\d))?", _month),
        (r"q(?P<quarter>[1-4])(?:\s+(?:of\s+)?(?P<year>(?:19|20)\d\d))?", _quarter),
        (r"(?P<day>today|yesterday)", _today),
        (rf"(?:last\s+|the\s+)?(?P<weekday>{_WEEKDAY})\b", _weekday),
        (r"(?P<year>20\d\d)(?!\d|[-./:]\d)", _only_year),
        (CLOCK.format(n=""), _time_of_day),
    )
)
"""What a moment looks like, and how it is read; the first that matches counts."""


def moment(text: str, present: Present) -> tuple[Span, int] | None:
    """The moment that ``text`` begins with and how many characters name it."""
    for pattern, reading in MOMENTS:
        if found := pattern.match(text):
            try:
                return reading(found, present), found.end()
            except ValueError:  # the thirtieth of February
                return None
    return None
