"""Cron expressions, in UTC: the five fields of cron(5) and the six of Amazon EventBridge.

Sources: https://man7.org/linux/man-pages/man5/crontab.5.html and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

from mantissa_core.errors import RuleError

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""The years that EventBridge knows."""

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

Days = Callable[[date], bool]


@dataclass(frozen=True)
class Cron:
    """Points in time, to the minute. ``day`` says which days of ``months`` and ``years`` count."""

    text: str
    minutes: frozenset[int] = field(compare=False, repr=False)
    hours: frozenset[int] = field(compare=False, repr=False)
    months: frozenset[int] = field(compare=False, repr=False)
    years: frozenset[int] = field(compare=False, repr=False)
    day: Days = field(compare=False, repr=False)

    def after(self, moment: datetime) -> datetime | None:
        """The first time later than ``moment``; ``None`` where there is none."""
        moment = moment.astimezone(UTC)
        for day in self._days(moment.date()):
            for at in self._times:
                if (found := datetime.combine(day, at, UTC)) > moment:
                    return found
        return None

    def latest(self, moment: datetime) -> datetime | None:
        """The last time that is not later than ``moment``; ``None`` where there is none."""
        moment = moment.astimezone(UTC)
        for day in self._days_back(moment.date()):
            for at in reversed(self._times):
                if (found := datetime.combine(day, at, UTC)) <= moment:
                    return found
        return None

    @cached_property
    def _times(self) -> tuple[time, ...]:
        return tuple(time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes))

    def _days(self, first: date) -> Iterator[date]:
        for year in sorted(each for each in self.years if each >= first.year):
            for month in sorted(self.months):
                if (year, month) >= (first.year, first.month):
                    yield from (each for each in _days_of(year, month) if each >= first and self.day(each))

    def _days_back(self, last: date) -> Iterator[date]:
        for year in sorted((each for each in self.years if each <= last.year), reverse=True):
            for month in sorted(self.months, reverse=True):
                if (year, month) <= (last.year, last.month):
                    days = reversed(list(_days_of(year, month)))
                    yield from (each for each in days if each <= last and self.day(each))


def parse_cron(fields: str) -> Cron:
    """Read what stands between the parentheses of ``cron(…)``.

    Raises:
        RuleError: it is no expression, or one that never comes true; names the field.
    """
    parts = fields.upper().split()
    if len(parts) not in (5, 6):
        raise RuleError(
            f"{len(parts)} fields, expected 5 (minute, hour, day of month, month, day of week) or 6 (also year)"
        )
    minute, hour, month_day, month, weekday, *year = parts
    found = Cron(
        f"cron({fields.strip()})",
        _numbers("minute", minute, 0, 59, short=bool(year)),
        _numbers("hour", hour, 0, 23, short=bool(year)),
        _numbers("month", month, 1, 12, _named(MONTHS, 1), short=bool(year)),
        _numbers("year", year[0] if year else "*", FIRST_YEAR, LAST_YEAR, short=True),
        _eventbridge_days(month_day, weekday) if year else _cron_days(month_day, weekday),
    )
    if found.after(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) - timedelta(minutes=1)) is None:
        raise RuleError("there is no such day in any year")
    return found


def _cron_days(month_day: str, weekday: str) -> Days:
    """As in cron(5): where both fields are restricted, a day needs to fit one of them."""
    names = _named(WEEKDAYS, 0)
    in_month = _numbers("day of month", month_day, 1, 31)
    in_week = frozenset(each % 7 for each in _numbers("day of week", weekday, 0, 7, names))
    if month_day.startswith("*") or weekday.startswith("*"):
        return lambda day: day.day in in_month and day.isoweekday() % 7 in in_week
    return lambda day: day.day in in_month or day.isoweekday() % 7 in in_week


def _eventbridge_days(month_day: str, weekday: str) -> Days:
    """As in EventBridge: one of the two fields is ``?``; weekdays count from 1, which is Sunday."""
    if (month_day == "?") is (weekday == "?"):
        raise RuleError("exactly one of day of month and day of week is '?' where there are six fields")
    return _of_month(month_day) if weekday == "?" else _of_week(weekday)


def _of_month(field: str) -> Days:
    if field == "L":
        return lambda day: day.day == _last(day)
    if field.endswith("W"):
        nearest = _number("day of month", field[:-1], 1, 31, {})
        return lambda day: day.day == _working_day(day, nearest)
    numbers = _numbers("day of month", field, 1, 31, short=True)
    return lambda day: day.day in numbers


def _of_week(field: str) -> Days:
    name, names = "day of week", _named(WEEKDAYS, 1)
    if field.endswith("L") and field != "L":
        weekday = _number(name, field[:-1], 1, 7, names)
        return lambda day: _weekday(day) == weekday and day.day > _last(day) - 7
    if "#" in field:
        which, _, count = field.partition("#")
        weekday, nth = _number(name, which, 1, 7, names), _number(name, count, 1, 5, {})
        return lambda day: _weekday(day) == weekday and (day.day + 6) // 7 == nth
    numbers = frozenset({7}) if field == "L" else _numbers(name, field, 1, 7, names, short=True)
    return lambda day: _weekday(day) in numbers


def _named(names: Sequence[str], first: int) -> Mapping[str, int]:
    return {name: at for at, name in enumerate(names, start=first)}


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _last(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _days_of(year: int, month: int) -> Iterator[date]:
    return (date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1))


def _working_day(day: date, nearest: int) -> int:
    """The Monday to Friday next to the ``nearest``-th within the month; 0 where the month has no such day."""
    if nearest > (last := _last(day)):
        return 0
    match date(day.year, day.month, nearest).isoweekday():
        case 6:
            return nearest - 1 if nearest > 1 else nearest + 2
        case 7:
            return nearest + 1 if nearest < last else nearest - 2
    return nearest


def _numbers(
    name: str, field: str, low: int, high: int, names: Mapping[str, int] | None = None, *, short: bool = False
) -> frozenset[int]:
    """The numbers of one field. ``short`` allows ``5/10``: from 5 on, every tenth."""
    found: set[int] = set()
    for item in field.split(","):
        span, slash, step = item.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _number(name, first, low, high, names or {})
            end = _number(name, last, low, high, names or {}) if dash else start
        if slash and not dash and span != "*":
            if not short:
                raise RuleError(f"{name}: found {item!r}, expected {span}-{high}/{step}")
            end = high
        if start > end:
            raise RuleError(f"{name}: found {item!r}, expected the lower end first")
        found.update(range(start, end + 1, _number(f"{name}, step", step, 1, high, {}) if slash else 1))
    return frozenset(found)


def _number(name: str, text: str, low: int, high: int, names: Mapping[str, int]) -> int:
    if text in names:
        return names[text]
    if not (text.isascii() and text.isdigit() and len(text) <= 4) or not low <= int(text) <= high:
        known = f" or {'-'.join([*names][:: len(names) - 1])}" if names else ""
        raise RuleError(f"{name}: found {text!r}, expected {low}-{high}{known}")
    return int(text)
