"""Where the marks of a chart's axes stand, and what they say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial

from .plan import Bucket

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
"""Minutes that divide a day."""
_DAYS = (1, 2, 7, 14, 28)


def scale(most: float, ticks: int = 4, *, whole: bool = True) -> list[float]:
    """Round values from 0 until one that is not below ``most``: ``[0, 50, 100, 150]`` for 120."""
    rough = max(most, 1e-9) / ticks
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * each for each in (1, 2, 2.5, 5, 10) if size * each >= rough * (1 - 1e-9))
    if whole:
        step = float(max(1, math.ceil(step)))
    return [step * each for each in range(math.ceil(most / step - 1e-9) + 1)] if most > 0 else [0.0, step]


def figure(value: float | None) -> str:
    """A figure for people, thousands apart; empty for none."""
    if value is None:
        return ""
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 0.01 else f"{value:.2g}"


def marks(at: Sequence[datetime], bucket: Bucket, most: int) -> list[tuple[int, str, str]]:
    """Up to ``most`` marks of an axis of time: place, text, and below it the day or year where that begins."""
    places = next((found for found in _candidates(at, bucket) if 0 < len(found) <= most), [])
    if not places:
        places = list(range(0, len(at), max(1, -(-len(at) // max(1, most)))))
    texts, above = [], ""
    for place in places:
        text, below = _told(at[place], bucket, hours=any(at[each].hour or at[each].minute for each in places))
        texts.append((place, text, below if below != above else ""))
        above = below
    return texts


def _candidates(at: Sequence[datetime], bucket: Bucket) -> Iterator[list[int]]:
    """Places that are round in the calendar, from many to few."""
    for round_ in _rounds(bucket):
        yield [place for place, moment in enumerate(at) if round_(moment)]


def _rounds(bucket: Bucket) -> Iterator[Callable[[datetime], bool]]:
    if bucket in ("minute", "hour"):
        yield from (partial(_every_minutes, each) for each in _MINUTES)
    if bucket != "month":
        yield from (partial(_every_days, each) for each in _DAYS if bucket != "week" or each % 7 == 0)
    yield from (partial(_every_months, each) for each in (1, 3, 12))


def _every_minutes(count: int, moment: datetime) -> bool:
    return (moment.hour * 60 + moment.minute) % count == 0


def _every_days(count: int, moment: datetime) -> bool:
    return _midnight(moment) and (moment.toordinal() - 1) % count == 0  # the first day was a Monday


def _every_months(count: int, moment: datetime) -> bool:
    return _midnight(moment) and moment.day == 1 and (moment.month - 1) % count == 0


def _midnight(moment: datetime) -> bool:
    return not moment.hour and not moment.minute


def _told(moment: datetime, bucket: Bucket, *, hours: bool) -> tuple[str, str]:
    day = f"{_MONTHS[moment.month - 1]} {moment.day}"
    if bucket in ("minute", "hour") and hours:
        return f"{moment:%H:%M}", day
    return (_MONTHS[moment.month - 1] if bucket == "month" else day), f"{moment.year}"
