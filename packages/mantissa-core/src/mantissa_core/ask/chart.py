"""What of an answer can be drawn, as data: time as columns or lines, groups as bars, two periods as pairs.

Made of a plan and its rows alone. The command line draws it with characters, :mod:`.draw` as SVG and PNG.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from mantissa_core.errors import QueryError

from .explain import named
from .plan import Bucket, Measure, Period, Plan
from .time.units import shifted, start

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["time", "bars", "pairs"]
MOST_BARS = 20
MOST_LINES = 5
MOST_POINTS = 10_000
LONGEST = 48
"""Characters of a label; beyond that it is cut."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FIGURES = {"count_distinct": "different values of", "sum": "sum of", "avg": "mean of", "min": "least", "max": "most"}
_ADDED_UP = ("count", "count_distinct", "sum")
"""Where no row means nothing happened: 0. Of a mean nothing is known there."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or the bars of one colour. ``None`` where there is no figure."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture of figures.

    ``time`` has the beginnings of its buckets in ``at``, in the zone that they are told in; ``bars`` and ``pairs`` have
    ``labels``, which are one line of printable text. Each series has a value for each of them; ``pairs`` has two.
    """

    kind: Kind
    title: str
    x: str
    """What ``at`` or ``labels`` are: ``hour (Europe/Berlin)``, ``user``."""
    y: str
    """What the values are: ``events``."""
    at: tuple[datetime, ...] = ()
    bucket: Bucket = "hour"
    labels: tuple[str, ...] = ()
    series: tuple[Series, ...]
    note: str = ""
    """What is left out."""

    @property
    def values(self) -> list[float]:
        """All figures."""
        return [value for each in self.series for value in each.values if value is not None]


def chart(plan: Plan, rows: pa.Table, title: str = "", *, truncated: bool = False) -> Chart:
    """The picture of a plan's rows.

    Raises:
        QueryError: no picture says more than the rows: a list, one figure, nothing found, no numbers, too many points.
    """
    if not plan.measures:
        raise QueryError("a list has no chart: ask for numbers, such as 'per hour' or 'per user'")
    found: list[dict[str, Any]] = rows.to_pylist()
    if not found:
        raise QueryError("nothing was found, so there is no chart")
    if not plan.groups and plan.versus is None:
        raise QueryError("one figure has no chart: ask 'per hour' or 'per user'")
    if plan.groups and plan.groups[0].bucket and not plan.order and not plan.having:
        made = _over_time(plan, found, harmless(title), truncated)
    else:
        made = _side_by_side(plan, found, harmless(title), truncated)
    if not made.values:
        raise QueryError("there are no numbers to draw")
    return made


def _side_by_side(plan: Plan, rows: Sequence[dict[str, Any]], title: str, truncated: bool) -> Chart:
    """A bar for each group, or two where periods are compared; the first figure of several."""
    measure, names = plan.measures[0], [each.name for each in plan.groups]
    shown = rows[:MOST_BARS]
    columns = [(_figure_of(measure), measure.name)]
    if plan.versus:
        columns = [(_called(plan.period), measure.name), (_called(plan.versus), f"{measure.name}_before")]
    more = "more" if truncated else f"{len(rows):,}"
    return Chart(
        kind="pairs" if plan.versus else "bars",
        title=title,
        x=" / ".join(map(named, names)),
        y=_figure_of(measure),
        labels=tuple(" / ".join(label(row[name]) for name in names) if names else _figure_of(measure) for row in shown),
        series=tuple(Series(label(name), tuple(_number(row.get(column)) for row in shown)) for name, column in columns),
        note=f"the first {len(shown)} of {more}" if truncated or len(rows) > len(shown) else "",
    )


def _over_time(plan: Plan, rows: Sequence[dict[str, Any]], title: str, truncated: bool) -> Chart:
    """The figures of each stretch of time; those without rows are there as well."""
    group, measure = plan.groups[0], plan.measures[0]
    bucket: Bucket = group.bucket or "hour"
    moments = [_moment(row[group.name]) for row in rows]
    said = [each for each in moments if each is not None]
    zone, told = _zones(said, bucket, plan.period.zone)
    last = max(said, default=None) if truncated else None
    at = _buckets(plan.period, bucket, zone, last)
    periods = [(_called(plan.period), measure.name, at)]
    if plan.versus:
        earlier = _buckets(plan.versus, bucket, zone, last)
        periods.append((_called(plan.versus), f"{measure.name}_before", earlier))
    lines: dict[str, dict[int, float | None]] = {}
    if plan.versus and len(plan.groups) == 1:
        lines = {period: {} for period, _, _ in periods}  # nothing in one of them is said, too
    for period, column, stretches in periods:
        places = {moment: place for place, moment in enumerate(stretches)}
        for moment, row in zip(moments, rows, strict=True):
            own = " / ".join(label(row[each.name]) for each in plan.groups[1:])
            name = " / ".join(filter(None, (own, period if plan.versus else ""))) or _figure_of(measure)
            if moment in places:
                lines.setdefault(name, {})[places[moment]] = _number(row.get(column))
    largest = sorted(lines, key=lambda name: -sum(value or 0 for value in lines[name].values()))[:MOST_LINES]
    missing = 0.0 if measure.function in _ADDED_UP else None
    notes = [f"the {MOST_LINES} largest of {len(lines):,}"] if len(lines) > MOST_LINES else []
    notes += [f"until {last.astimezone(told):%Y-%m-%d %H:%M}, there are more rows"] if last else []
    return Chart(
        kind="time",
        title=title,
        x=f"{bucket} ({told.key})",
        y=_figure_of(measure),
        at=tuple(each.astimezone(told) for each in at),
        bucket=bucket,
        series=tuple(
            Series(name, tuple(lines[name].get(place, missing) for place in range(len(at))))
            for name in lines
            if name in largest
        ),
        note="; ".join(notes),
    )


def _buckets(period: Period, bucket: Bucket, zone: ZoneInfo, last: datetime | None) -> list[datetime]:
    """The beginning of each stretch of the period, in UTC."""
    found: list[datetime] = []
    moment = start(period.lo, bucket, zone)
    while moment < period.hi and (last is None or moment <= last):
        if len(found) == MOST_POINTS:
            raise QueryError(f"a chart has {MOST_POINTS:,} points at most: ask for longer stretches, such as 'per day'")
        found.append(moment)
        moment = shifted(moment, 1, bucket, zone)
    return found


def _zones(moments: Sequence[datetime], bucket: Bucket, asked: str) -> tuple[ZoneInfo, ZoneInfo]:
    """The zone that the stretches begin in, and the one to tell them in: days of UTC are no days of another zone."""
    utc, zone = ZoneInfo("UTC"), ZoneInfo(asked)
    own = zone if all(start(each, bucket, zone) == each for each in moments) else utc
    return own, zone if bucket in ("minute", "hour") else own


def _moment(value: Any) -> datetime | None:
    """The beginning of a stretch, in UTC; engines return dates for days, and times without a zone."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else None


def _called(period: Period) -> str:
    return period.text or f"{period.lo.astimezone(UTC):%Y-%m-%d %H:%M} to {period.hi.astimezone(UTC):%Y-%m-%d %H:%M}"


def _figure_of(measure: Measure) -> str:
    words = _FIGURES.get(measure.function, measure.function)
    return f"{words} {named(measure.field)}" if measure.field else named(measure.name)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return float(value) if math.isfinite(value) else None


def label(value: Any) -> str:
    """A value of a row as one short line of printable text."""
    if value is None:
        return "(none)"
    text = f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else harmless(str(value)[: 4 * LONGEST])
    return shortened(text, LONGEST) or "(blank)"


def shortened(text: str, most: int) -> str:
    """At most so many characters: names that are long, such as ARNs, differ at their ends."""
    if len(text) <= most:
        return text
    head = (most - 1) // 3
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def harmless(text: str) -> str:
    """One line, with what steers a terminal or turns text around escaped."""
    return "".join(_visible(" ".join(text.split())))


def _visible(text: str) -> Iterator[str]:
    for character in text:
        code = ord(character)
        yield f"\\u{code:04x}" if unicodedata.category(character) in _HIDDEN else character
