"""A chart on a terminal: columns over time, bars for groups, of block characters, or of ASCII where there are none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .output import paragraph, print_block, width

if TYPE_CHECKING:
    from rich.text import Text

    from mantissa_core.ask.chart import Chart, Series

LINES_PER_TICK = 2
WIDEST_BAR = 100
WIDEST_COLUMN = 6
STYLES = ("blue", "yellow")
"""Of the first and the second of a pair: told apart by colour-blind people, too, and by their blocks without colour."""
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_PARTS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def show_chart(chart: Chart) -> None:
    """Print it as wide as the terminal. What it shows stands above it already: it has no title."""
    from .output import console

    plain = bool(console().options.ascii_only)
    if chart.kind == "time":
        _over_time(chart, plain)
    else:
        _bars(chart, plain)
    if chart.note:
        paragraph(f"Shown: {chart.note}.")


# --- groups ---------------------------------------------------------------------------------------------------


def _bars(chart: Chart, plain: bool) -> None:
    from rich.cells import cell_len, set_cell_size
    from rich.text import Text

    from mantissa_core.ask.ticks import figure

    pairs = len(chart.series) > 1
    most = max(0.0, *chart.values)
    named = max(map(cell_len, (*chart.labels, chart.x)))
    named = min(named, max(16, width() // 3))
    figures = max(len(figure(each)) for each in chart.values)
    room = min(WIDEST_BAR, max(8, width() - named - figures - 4))
    lines = [_legend(chart.series, named, plain)] if pairs else [Text(f"{chart.x:<{named}}  {chart.y}", "bold")]
    for place, label in enumerate(chart.labels):
        for number, series in enumerate(chart.series):
            value = series.values[place]
            line = Text(set_cell_size(_fitted(label, named) if number == 0 else "", named) + "  ")
            line.append(_bar(value or 0.0, most, room, number, plain), STYLES[number])
            line.append(f"{' ' if value else ''}{figure(value)}")
            lines.append(line)
    print_block(Text("\n").join(lines))


def _legend(series: Sequence[Series], indent: int, plain: bool) -> Text:
    from rich.text import Text

    line = Text(" " * (indent + 2))
    for number, each in enumerate(series):
        line.append(_bar(1, 1, 2, number, plain), STYLES[number])
        line.append(f" {each.name}   ")
    return line


def _bar(value: float, most: float, room: int, number: int, plain: bool) -> str:
    """To an eighth of a character; a second series is of another character. What is not 0 is seen."""
    if value <= 0 or most <= 0:
        return ""
    eighths = max(1, round(value / most * room * 8))
    if plain or number:
        return ("#=" if plain else "█░")[number] * max(1, eighths // 8)
    return "█" * (eighths // 8) + _PARTS[eighths % 8]


def _fitted(label: str, size: int) -> str:
    """As wide as there is room; long names, such as ARNs, differ at their ends."""
    from rich.cells import cell_len, chop_cells

    if cell_len(label) <= size:
        return label
    head = max(1, (size - 1) // 3)
    tail = chop_cells(label[::-1], max(1, size - 1 - head))[0][::-1]
    return f"{chop_cells(label, head)[0]}…{tail}"


# --- time -----------------------------------------------------------------------------------------------------


def _over_time(chart: Chart, plain: bool) -> None:
    """Each series in a grid of its own, all by the same scale."""
    from rich.text import Text

    from mantissa_core.ask.ticks import figure, scale

    whole = all(value == int(value) for value in chart.values)
    several = len(chart.series) > 1
    ticks = scale(max(0.0, *chart.values), 2 if several else 4, whole=whole)
    margin = max(len(figure(each)) for each in ticks)
    each, points = _columns(len(chart.at), width() - margin - 2)
    merged = f"; each column is the highest of {points}" if points > 1 else ""
    lines = [Text(f"{chart.y} per {chart.x}{merged}", "bold")]
    for number, series in enumerate(chart.series):
        if several:
            lines.append(Text(f"\n{' ' * margin}  {series.name}"))
        heights = _merged(series.values, points)
        lines += _grid(heights, ticks, margin, each, plain, STYLES[number % 2])
    lines += map(Text, _axis(chart, margin, each, points, plain))
    print_block(Text("\n").join(lines))


def _columns(points: int, room: int) -> tuple[int, int]:
    """Characters of a point, with the gap behind it, and points of a column where there are more than characters."""
    if points > room:
        return 1, -(-points // max(1, room))
    return max(1, min(WIDEST_COLUMN, room // points)), 1


def _merged(values: Sequence[float | None], points: int) -> list[float | None]:
    """The highest of so many neighbours: a peak is what is looked for."""
    parts = (values[at : at + points] for at in range(0, len(values), points))
    return [max((value for value in part if value is not None), default=None) for part in parts]


def _grid(
    heights: Sequence[float | None], ticks: Sequence[float], margin: int, each: int, plain: bool, style: str
) -> list[Text]:
    from rich.text import Text

    from mantissa_core.ask.ticks import figure

    top, rows = ticks[-1], LINES_PER_TICK * (len(ticks) - 1)
    names = {LINES_PER_TICK * (len(ticks) - 1 - place): figure(tick) for place, tick in enumerate(ticks)}
    rule, edge = ("|", "+") if plain else ("│", "┤")
    ink = each - 1 if each > 2 else each
    lines = []
    for row in range(rows):
        line = Text().append(f"{names.get(row, ''):>{margin}} {edge if row in names else rule}", "dim")
        cells = (_cell(value, (rows - row - 1) / rows * top, top / rows, plain) for value in heights)
        line.append("".join(cell * ink + " " * (each - ink) for cell in cells), style)
        lines.append(line)
    return lines


def _cell(value: float | None, bottom: float, height: float, plain: bool) -> str:
    """One line's part of a column. What is not 0 is seen in the lowest line."""
    if value is None or value <= bottom:
        return " "
    share = min(1.0, (value - bottom) / height)
    if plain:
        return "#" if share >= 0.5 or bottom == 0 else " "
    return _EIGHTHS[max(1, math.floor(share * 8)) if bottom == 0 else math.floor(share * 8)]


def _axis(chart: Chart, margin: int, each: int, points: int, plain: bool) -> list[str]:
    from mantissa_core.ask.ticks import marks

    length = -(-len(chart.at) // points) * each
    found = [(place // points * each, text, below) for place, text, below in marks(chart.at, chart.bucket, length // 8)]
    rule = list(("-" if plain else "─") * length)
    for place, _, _ in found:
        rule[place] = "+" if plain else "┬"
    corner = f"{'0':>{margin}} {'+' if plain else '┼'}"
    return [
        corner + "".join(rule),
        *(_spread([(place, row[at]) for place, *row in found], margin + 2) for at in (0, 1)),
    ]


def _spread(texts: Sequence[tuple[int, str]], indent: int) -> str:
    """Texts at their places; those that would touch the next are left out."""
    line = ""
    for place, text in texts:
        if text and len(line) <= max(0, indent + place - 1):
            line = line.ljust(indent + place) + text
    return line
