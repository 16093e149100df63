"""Which figure a question asks for, of the column that it names: a sum, a mean, a percentile, the largest."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from mantissa_core.ask.plan import Function, Measure
from mantissa_core.ask.schema import SchemaColumn

from .lexicon import Meaning
from .quantities import is_amount

WORDS: dict[str, tuple[str, ...]] = {
    "avg": ("average", "the average", "average of", "mean", "the mean", "mean of", "avg", "on average"),
    "sum": ("sum", "the sum of", "sum of", "combined", "cumulative", "summed"),
    "median": ("median", "the median", "median of"),
    "max": ("max", "maximal", "peak", "maximum of the", "the maximum", "highest value of"),
    "min": ("min", "minimal", "the minimum", "lowest value of"),
    "single": ("single", "one single", "a single"),
    "longest": ("slowest", "longest", "longest running", "most time"),
    "shortest": ("fastest", "shortest", "quickest"),
    "more": ("bigger than", "larger than", "longer than", "slower than", "higher than"),
    "less": ("smaller than", "shorter than", "lower than"),
}
"""Frames and the phrases that say them, besides those of ``words.yaml``."""
_QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
SPREADS = ("avg", "sum", "median", "max", "min")


class NoFigure(Exception):
    """The figure cannot be worked out; the text says why."""


def phrases() -> Iterator[tuple[str, Meaning]]:
    """Everything by which figures are asked for."""
    for frame, said in WORDS.items():
        yield from ((each, Meaning("frame", frame)) for each in said)
    for number in range(1, 100):
        ending = "th" if number in (11, 12, 13) else _ENDINGS.get(number % 10, "th")
        for phrase in (f"p{number}", f"{number}{ending} percentile", f"percentile {number}"):
            yield phrase, Meaning("frame", f"p{number}")
    yield from ((each, Meaning("frame", "p99.9")) for each in ("p99.9", "99.9th percentile", "p999"))


def is_quantile(frame: str) -> bool:
    """Whether it is a frame such as ``p95``."""
    return frame == "median" or bool(_QUANTILE.fullmatch(frame))


def figure(frames: Collection[str], columns: Sequence[SchemaColumn]) -> Measure | None:
    """The measure of the column that is asked for; None where events are counted.

    Raises:
        NoFigure: it names none or several, or the column holds no amounts.
    """
    said = [each for each in frames if each in SPREADS or _QUANTILE.fullmatch(each)]
    if not columns:
        if said:
            raise NoFigure("of which amount? name a column that holds one, such as bytes")
        return None
    if len({each.name for each in columns}) > 1 or len(said) > 1:
        raise NoFigure("it asks for several figures at once: ask for one")
    column = columns[0]
    if said:
        return _said(said[0], column)
    if {"top", "fewest", "longest", "shortest"} & set(frames):
        summed = is_amount(column) and not {"single", "longest", "shortest"} & set(frames)
        return _measure("sum" if summed else "min" if {"fewest", "shortest"} & set(frames) else "max", column)
    counted = {"count", "each", "more", "less", "at_least", "at_most", "minute", "hour", "day", "week", "month"}
    return _measure("sum", column) if is_amount(column) and counted & set(frames) else None


def _said(frame: str, column: SchemaColumn) -> Measure:
    if found := _QUANTILE.fullmatch(frame):
        return Measure(function="quantile", field=column.name, q=float(found[1]) / 100)
    if frame == "median":
        return Measure(function="quantile", field=column.name, q=0.5)
    if frame == "sum" and not is_amount(column):
        raise NoFigure(f"a sum of {column.name} says nothing")
    functions: dict[str, Function] = {"avg": "avg", "sum": "sum", "max": "max", "min": "min"}
    return _measure(functions[frame], column)


def _measure(function: Function, column: SchemaColumn) -> Measure:
    return Measure(function=function, field=column.name)
