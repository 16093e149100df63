"""A chart as SVG or PNG, drawn by matplotlib (the extra ``charts``).

The same chart gives the same bytes with the same matplotlib. Labels come from logs: they are never read as formulas,
and characters that the font does not have are boxes. Nothing of pyplot is used, which keeps figures for ever.
"""

from __future__ import annotations

import io
import re
import textwrap
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from mantissa_core.errors import NeedsOperator

from .ticks import figure, marks, scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .chart import Chart

Theme = Literal["light", "dark"]
FONT, BOX = "DejaVu Sans", "□"
"""matplotlib brings the font along."""
WIDTH = 9.0
"""Inches; 900 units of SVG, and 1,800 pixels of PNG."""
MOST_COLUMNS = 100
"""Points in time up to which a single series is drawn as columns, and beyond as a line."""
_MARKS = 12
_LEGEND, _NAME = 3, 34
"""Columns of the legend, and characters of a name in it."""
_LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_DOCTYPE = re.compile(r"<!DOCTYPE[^>]*>\s*")
_LOCK = threading.Lock()
"""matplotlib's settings belong to the process."""


@dataclass(frozen=True, slots=True)
class _Colours:
    paper: str
    text: str
    faint: str
    series: tuple[str, ...]


# Okabe and Ito's, which people with any kind of colour vision tell apart.
_THEMES = {
    "light": _Colours("#ffffff", "#1f2328", "#d8dee4", ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00")),
    "dark": _Colours("#16191d", "#e6e9ec", "#3a4048", ("#56b4e9", "#e69f00", "#2fbf94", "#cc79a7", "#f0e442")),
}


def svg(chart: Chart, theme: Theme = "light") -> str:
    """An SVG document. It refers to nothing outside itself; its texts are texts.

    Raises:
        NeedsOperator: matplotlib is not installed.
    """
    text = _saved(chart, theme, "svg", {"svg.fonttype": "none", "svg.hashsalt": "mantissa"}).decode("utf-8")
    return _DOCTYPE.sub("", text)


def png(chart: Chart, theme: Theme = "light") -> bytes:
    """A PNG file of 1,800 pixels' width.

    Raises:
        NeedsOperator: matplotlib is not installed.
    """
    return _saved(chart, theme, "png", {})


def _saved(chart: Chart, theme: Theme, form: str, settings: dict[str, Any]) -> bytes:
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise NeedsOperator("pictures need matplotlib: pip install 'mantissa-core[charts]'") from None
    usual: dict[Any, Any] = {
        name: value for name, value in matplotlib.rcParamsDefault.items() if not name.startswith("backend")
    }
    own: dict[Any, Any] = {"font.family": [FONT], "font.size": 9, "text.parse_math": False, "axes.unicode_minus": False}
    metadata = {"Date": None, "Creator": None, "Format": None, "Type": None} if form == "svg" else {"Software": None}
    usual |= own | settings
    with _LOCK, matplotlib.rc_context(usual):
        figure_ = Figure(figsize=(WIDTH, _height(chart)), layout="constrained")
        _draw(figure_, _in_font(chart), _THEMES[theme])
        found = io.BytesIO()
        figure_.savefig(found, format=form, dpi=200, metadata=metadata)
    return found.getvalue()


def _height(chart: Chart) -> float:
    if chart.kind == "time":
        return 4.5
    return 1.5 + 0.27 * len(chart.labels) if chart.kind == "bars" else 1.9 + 0.43 * len(chart.labels)


def _draw(figure_: Figure, chart: Chart, colours: _Colours) -> None:
    figure_.set_facecolor(colours.paper)
    axes = figure_.add_subplot(facecolor=colours.paper)
    if chart.kind == "time":
        _over_time(axes, chart, colours)
    else:
        _bars(axes, chart, colours)
    for side in ("top", "right", "left" if chart.kind == "time" else "bottom"):
        axes.spines[side].set_visible(False)
    for each in axes.spines.values():
        each.set_color(colours.faint)
    axes.tick_params(colors=colours.text, length=0)
    axes.set_axisbelow(True)
    if len(chart.series) > 1:
        legend = figure_.legend(
            loc="outside lower left",
            ncols=_LEGEND,
            frameon=False,
            labelcolor=colours.text,
            handlelength=2.5,
        )
        for text, series in zip(legend.get_texts(), chart.series, strict=True):
            text.set_text(series.name)  # given as a label, one with an underscore in front would be left out
    title = textwrap.fill(chart.title, 115, max_lines=3, placeholder=" …")
    note = f"\nShown: {chart.note}" if chart.note else ""
    figure_.suptitle(title + note, x=0.01, ha="left", fontsize=9.5, color=colours.text)


def _over_time(axes: Axes, chart: Chart, colours: _Colours) -> None:
    places = range(len(chart.at))
    for number, each in enumerate(chart.series):
        values = [float("nan") if value is None else value for value in each.values]
        colour = colours.series[number % len(colours.series)]
        if len(chart.series) == 1 and len(values) <= MOST_COLUMNS:
            axes.bar(places, values, width=0.8, color=colour, label=str(number))
            continue
        marker = "o" if len(values) <= MOST_COLUMNS else ""
        axes.plot(
            places, values, linestyle=_LINES[number], color=colour, label=str(number), lw=1.5, marker=marker, ms=2.5
        )
    ticks = marks(chart.at, chart.bucket, _MARKS)
    axes.set_xticks([place for place, _, _ in ticks], [f"{text}\n{below}" for _, text, below in ticks])
    axes.set_xlim(-0.7, len(chart.at) - 0.3)
    values = scale(max(0.0, *chart.values), whole=_whole(chart))
    axes.set_yticks(values, [figure(each) for each in values])
    axes.set_ylim(min(0.0, *chart.values), values[-1])
    axes.grid(axis="y", color=colours.faint, lw=0.8)
    axes.set_xlabel(chart.x, color=colours.text)
    axes.set_ylabel(chart.y, color=colours.text)


def _bars(axes: Axes, chart: Chart, colours: _Colours) -> None:
    count = len(chart.series)
    for number, each in enumerate(chart.series):
        places = [place + (number - (count - 1) / 2) * 0.4 for place in range(len(chart.labels))]
        values = [value or 0.0 for value in each.values]
        size = 0.72 if count == 1 else 0.38
        bars = axes.barh(places, values, size, color=colours.series[number], label=str(number))
        axes.bar_label(bars, [figure(value) for value in each.values], padding=4, color=colours.text, fontsize=8)
    axes.set_yticks(range(len(chart.labels)), list(chart.labels))
    axes.set_ylim(len(chart.labels) - 0.4, -0.6)
    values = scale(max(0.0, *chart.values), whole=_whole(chart))
    axes.set_xticks(values, [figure(each) for each in values])
    axes.set_xlim(min(0.0, *chart.values), max(1e-9, *chart.values) * 1.1)
    axes.grid(axis="x", color=colours.faint, lw=0.8)
    axes.set_xlabel(chart.y, color=colours.text)
    if chart.x:
        axes.set_ylabel(chart.x, color=colours.text)


def _whole(chart: Chart) -> bool:
    return all(value == int(value) for value in chart.values)


def _in_font(chart: Chart) -> Chart:
    """The same with a box for each character that the font lacks: it would be one anyway, with a warning."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties(family=FONT))).get_charmap()

    def drawn(text: str) -> str:
        return "".join(each if ord(each) in known else BOX for each in text)

    return replace(
        chart,
        title=drawn(chart.title),
        x=drawn(chart.x),
        y=drawn(chart.y),
        labels=tuple(map(drawn, chart.labels)),
        series=tuple(replace(each, name=drawn(_cut(each.name))) for each in chart.series),
        note=drawn(chart.note),
    )


def _cut(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
