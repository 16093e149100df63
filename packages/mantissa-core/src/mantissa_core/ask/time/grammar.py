"""The words for times in a question. Always into the past; a unit that runs ends now.

"last 7 days" counts back from now, "last week" is the calendar's, "since Monday" is from its midnight, "between 2pm and
4pm yesterday" is that stretch. What no rule here reads, is not a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from .moments import CLOCK, Present, Span, clock, moment
from .units import ELAPSED, Unit, local_day, shifted, start
from .window import Kind, Window

DEFAULT = timedelta(hours=24)
"""Where a question names no time."""
_WORDS: Mapping[Unit, str] = {
    "second": "seconds second secs sec s",
    "minute": "minutes minute mins min m",
    "hour": "hours hour hrs hr h",
    "day": "days day d",
    "week": "weeks week wks wk w",
    "month": "months month mos mo",
    "quarter": "quarters quarter",
    "year": "years year yrs yr y",
}
_UNITS: Mapping[str, Unit] = {word: unit for unit, words in _WORDS.items() for word in words.split()}
_COUNTS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "couple of": 2, "couple": 2, "three": 3, "few": 3, "four": 4, "five": 5,
    "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "fourteen": 14, "twenty": 20, "thirty": 30,
    "sixty": 60, "ninety": 90,
}  # fmt: skip
_COUNT = r"(?P<count>\d{1,6}|" + "|".join(sorted(_COUNTS, key=len, reverse=True)) + r")"
_UNIT = r"(?P<unit>" + "|".join(sorted(_UNITS, key=len, reverse=True)) + r")\b"
_LONG_UNIT = r"(?P<unit>second|minute|hour|day|week|month|quarter|year)\b"
_IN = r"(?:(?:in|over|during|within|for|from|on|of|throughout)\s+)?"


@dataclass(frozen=True, slots=True)
class Found:
    """A time in a text: the characters ``start`` to ``end`` say it."""

    window: Window
    start: int
    end: int


def times(text: str, now: datetime, zone: str = "UTC", *, day_first: bool = False) -> list[Found]:
    """Every time that the text names, in order, none overlapping another: of two at one place the longer one.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: there is no such time zone.
    """
    present = Present(now.astimezone(UTC), ZoneInfo(zone), day_first)
    lowered = text.lower()
    found: list[Found] = []
    at = 0
    for begin in (each.start() for each in re.finditer(r"(?<![\w.:/-])[\w]", lowered)):
        if begin >= at and (best := _longest(lowered, begin, present, zone)):
            found.append(best)
            at = best.end
    return found


def assumed(now: datetime, zone: str = "UTC") -> Window:
    """The window of a question that names none."""
    now = now.astimezone(UTC)
    return Window(now - DEFAULT, now, "the last 24 hours", "default", zone)


def _longest(text: str, begin: int, present: Present, zone: str) -> Found | None:
    candidates = [each for each in _readings(text[begin:], present) if _ends_a_word(text, begin + each[1])]
    if not candidates:
        return None
    (lo, hi), length, kind = max(candidates, key=lambda each: each[1])
    hi = min(hi, present.now)
    if lo >= hi:  # in the future, or nothing
        return None
    said = text[begin : begin + length].strip()
    return Found(Window(lo, hi, said, kind, zone), begin, begin + length)


def _ends_a_word(text: str, end: int) -> bool:
    return end >= len(text) or not (text[end].isalnum() or text[end] in "_@")


Reading = tuple[Span, int, Kind]


def _readings(text: str, present: Present) -> Iterator[Reading]:
    """Every way to read the beginning of the text as a time."""
    yield from _spans(text, present)
    yield from _bounded(text, present)
    yield from _plain(text, present)


def _spans(text: str, present: Present) -> Iterator[Reading]:
    """What is a span by itself: ``last week``, ``2 days ago``."""
    for pattern, read, kind in _PATTERNS:
        if found := pattern.match(text):
            with suppress(ValueError, OverflowError):  # beyond the calendar
                yield read(found, present), found.end(), kind


def _plain(text: str, present: Present) -> Iterator[Reading]:
    """``on Monday``, ``in October``, ``2026-11-03``, ``at 3pm``, ``yesterday after 6pm``."""
    lead = re.match(r"(?:on|in|during|at|for|from|of)\s+", text)
    for skipped in {0, lead.end() if lead else 0}:
        if (known := moment(text[skipped:], present)) is None:
            continue
        span, length = known
        word = text[skipped : skipped + length]
        if not skipped and (word.isdigit() or word in _AMBIGUOUS):  # "2024" or "may" alone can be anything
            continue
        end = skipped + length
        yield span, end, "calendar" if word.isalpha() else "absolute"
        if (found := _PART_OF_DAY.match(text[end:])) and _is_day(span):
            with suppress(ValueError):  # 25:00
                yield _part(found, span, present), end + found.end(), "absolute"


def _is_day(span: Span) -> bool:
    """A day on which clocks change has 23 hours, or 25."""
    return timedelta(hours=22) < span[1] - span[0] < timedelta(hours=26)


_AMBIGUOUS = {"may", "mar", "march", "sun", "sat", "mon", "wed", "dec", "jan", "sep"}
_PART_OF_DAY = re.compile(
    rf"\s+(?:(?P<side>after|before|at|around|since)\s+)?(?:{CLOCK.format(n='')})(?:\s*(?:to|and|until|till|-)\s*"
    rf"(?:{CLOCK.format(n='2')}))?|\s+(?:between|from)\s+(?:{CLOCK.format(n='3')})\s*(?:to|and|until|till|-)\s*"
    rf"(?:{CLOCK.format(n='4')})"
)


def _part(found: re.Match[str], day: Span, present: Present) -> Span:
    """A part of a day that was named before it."""

    def at(number: str) -> datetime:
        hour, minute = clock(found, number)
        return local_day(day[0], present.zone, hour=hour, minute=minute)

    if found["hour3"] or found["hour243"] or found["noon3"]:
        return at("3"), at("4")
    if found["hour2"] or found["hour242"] or found["noon2"]:
        return at(""), at("2")
    match found["side"]:
        case "after" | "since":
            return at(""), day[1]
        case "before":
            return day[0], at("")
    return at(""), at("") + timedelta(hours=1)


def _bounded(text: str, present: Present) -> Iterator[Reading]:
    """``since X``, ``before X``, ``between A and B``, ``from A to B``."""
    if (found := re.match(r"(?:ever\s+)?(?:since|after|starting(?:\s+(?:on|from|at))?)\s+", text)) and (
        known := _anything(text[found.end() :], present)
    ):
        (lo, hi), length = known
        begin = hi if found[0].startswith("after") and hi - lo >= timedelta(hours=1) else lo
        yield (begin, present.now), found.end() + length, "absolute"
    opening = re.match(r"(?:between|from)\s+", text)
    if opening and (first := _anything(text[opening.end() :], present)):
        at = opening.end() + first[1]
        joint = re.match(r"\s*(?:and|to|until|till|through|-)\s*", text[at:])
        if joint and (second := _anything(text[at + joint.end() :], present)):
            at += joint.end()
            yield (*_between(text, first, second, at, present),)


def _between(text: str, first: tuple[Span, int], second: tuple[Span, int], at: int, present: Present) -> Reading:
    """Dates include the last one; times of day may name their day behind."""
    (lo, first_end), (last, last_end) = first[0], second[0]
    end = at + second[1]
    if last_end - last > timedelta(minutes=1):
        return (lo, last_end), end, "absolute"
    behind = re.match(r"\s+(?:on\s+)?", text[end:])
    day = moment(text[end + behind.end() :], present) if behind else None
    if day and _is_day(day[0]) and first_end - lo <= timedelta(minutes=1):
        shift = start(day[0][0], "day", present.zone) - start(lo, "day", present.zone)
        lo, end = lo + shift, end + (behind.end() if behind else 0) + day[1]
        last = last + (start(day[0][0], "day", present.zone) - start(last, "day", present.zone))
    elif last <= lo:  # 10pm to 2am
        lo = shifted(lo, -1, "day", present.zone)
    return (lo, last), end, "absolute"


def _anything(text: str, present: Present) -> tuple[Span, int] | None:
    """A moment, or a span."""
    spans = [(span, end) for span, end, _kind in _spans(text, present) if _ends_a_word(text, end)]
    if (known := moment(text, present)) and _ends_a_word(text, known[1]):
        spans.append(known)
    return max(spans, key=lambda each: each[1], default=None)


def _counted(found: re.Match[str]) -> int:
    text = found["count"]
    return int(text) if text.isdigit() else _COUNTS[text]


def _rolling(found: re.Match[str], present: Present) -> Span:
    return shifted(present.now, -_counted(found), _UNITS[found["unit"]], present.zone), present.now


def _one_back(found: re.Match[str], present: Present) -> Span:
    """``the last week`` and ``past week`` count back from now; ``last week`` is the calendar's."""
    unit = _UNITS[found["unit"]]
    if found["the"] or found["word"] == "past" or unit in ELAPSED or unit == "day":
        return shifted(present.now, -1, unit, present.zone), present.now
    this = start(present.now, unit, present.zone)
    return shifted(this, -1, unit, present.zone), this


def _this(found: re.Match[str], present: Present) -> Span:
    return start(present.now, _UNITS[found["unit"]], present.zone), present.now


def _ago(found: re.Match[str], present: Present) -> Span:
    unit = _UNITS[found["unit"]]
    begin = start(shifted(present.now, -_counted(found), unit, present.zone), unit, present.zone)
    return begin, shifted(begin, 1, unit, present.zone)


def _part_of_today(found: re.Match[str], present: Present) -> Span:
    """The part of today, or yesterday's where that has not begun."""
    first, last = {"morning": (0, 12), "afternoon": (12, 18), "evening": (18, 24)}[found["part"]]
    day = present.day(-1 if found["day"] == "yesterday" else 0)
    if local_day(day, present.zone, hour=first) > present.now:
        day = present.day(-1)
    end = local_day(day, present.zone, hour=last) if last < 24 else shifted(day, 1, "day", present.zone)
    return local_day(day, present.zone, hour=first), end


def _last_night(_found: re.Match[str], present: Present) -> Span:
    return local_day(present.day(-1), present.zone, hour=18), local_day(present.now, present.zone, hour=6)


def _weekend(found: re.Match[str], present: Present) -> Span:
    """The last one that is over; ``this weekend`` while it lasts."""
    week = start(present.now, "week", present.zone)
    saturday = shifted(week, 5, "day", present.zone)
    if saturday > present.now or found["last"]:
        saturday = shifted(saturday, -7, "day", present.zone)
    return saturday, shifted(saturday, 2, "day", present.zone)


_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Present], Span], Kind], ...] = tuple(
    (re.compile(pattern), read, kind)  # type: ignore[misc]
    for pattern, read, kind in (
        (rf"{_IN}(?:the\s+)?(?:last|past|previous|prior|preceding|recent|since)\s+{_COUNT}\s*{_UNIT}", _rolling,
         "relative"),
        (rf"{_IN}(?P<count>\d{{1,6}})\s*(?P<unit>m|h|d|w|hr|hrs|min|mins)\b(?!\s+ago)", _rolling, "relative"),
        (rf"{_IN}(?P<the>the\s+)?(?P<word>last|past|previous|prior)\s+{_LONG_UNIT}", _one_back, "calendar"),
        (rf"{_IN}(?:this|the\s+current|current)\s+{_LONG_UNIT}", _this, "calendar"),
        (r"so\s+far\s+(?:this\s+)?(?P<unit>week|month|year|quarter)\b", _this, "calendar"),
        (rf"{_COUNT}\s*{_UNIT}\s+ago", _ago, "calendar"),
        (r"(?:(?:in|during)\s+)?(?:the\s+)?(?P<day>this|yesterday)\s+(?P<part>morning|afternoon|evening)",
         _part_of_today, "calendar"),
        (r"(?:over\s+|during\s+)?last\s+night|overnight", _last_night, "calendar"),
        (r"(?:(?:over|on|during|at)\s+)?(?:the\s+|this\s+|(?P<last>last\s+))weekend", _weekend, "calendar"),
    )
)  # fmt: skip
