"""Charts as SVG and PNG: whatever the labels are, without warnings, the same each time."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from mantissa_core.ask.chart import Chart, Series, chart
from mantissa_core.ask.draw import png, svg
from mantissa_core.ask.plan import Group, Measure, Period, Plan

pytest.importorskip("matplotlib")

LO = datetime(2026, 11, 19, tzinfo=UTC)
HOSTILE = [
    "<script>alert(1)</script>",
    "$x^2$ \\frac{1}{2}",
    "$",
    "eve\x1b[31m\u202egpj.exe",
    "مرحبا بالعالم",
    "李娜 🏳️‍🌈",
    "W" * 500,
    "_hidden",
    '"&\u0300',
    " ",
]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def strict():
    """What matplotlib warns of would go to a user's terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def bars(*names, versus=False):
    values = tuple(float(n + 1) for n in range(len(names)))
    rows = [{"m_user": name, "events": n + 1} for n, name in enumerate(names)]
    plan = Plan(
        source="auth",
        period=Period(lo=LO, hi=LO + timedelta(days=1)),
        groups=(Group(field="m_user"),),
        measures=(Measure(),),
    )
    made = chart(plan, pa.Table.from_pylist(rows), "Counts events $a$ <b> for each user.")
    two = (Series("yesterday", values), Series("_before", values))
    return made if not versus else Chart(kind="pairs", title="", x="user", y="events", labels=made.labels, series=two)


def hours(count, *names):
    at = tuple(LO + timedelta(hours=n) for n in range(count))
    series = tuple(Series(name, tuple(None if n == 2 else float(n * 1_000) for n in range(count))) for name in names)
    return Chart(kind="time", title="Counts", x="hour (UTC)", y="events", at=at, series=series, note="until noon")


def texts(document):
    return [each.text for each in ElementTree.fromstring(document).iter(f"{SVG}text")]


def test_svg_holds_labels_as_text_and_refers_to_nothing_outside():
    document = svg(bars(*HOSTILE))
    found = texts(document)
    for expected in (HOSTILE[0], HOSTILE[1], "eve\\u001b[31m\\u202egpj.exe", "_hidden", "(blank)", "10"):
        assert expected in found
    assert "Counts events $a$ <b> for each user." in found
    root = ElementTree.fromstring(document)
    assert {each.tag for each in root.iter()} & {
        f"{SVG}{name}" for name in ("script", "image", "foreignObject")
    } == set()
    assert "DOCTYPE" not in document
    references = [value for each in root.iter() for name, value in each.attrib.items() if name.endswith("href")]
    assert all(each.startswith("#") for each in references)
    assert "url(http" not in document


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_any_label_is_drawn_without_a_warning(name):
    for made in (bars(name, "lin"), bars(name, "lin", versus=True), hours(5, name, "lin")):
        assert ElementTree.fromstring(svg(made)).tag == f"{SVG}svg"
        assert png(made).startswith(b"\x89PNG")


def test_a_series_whose_name_begins_with_an_underscore_is_in_the_legend():
    assert {"_before", "yesterday"} <= set(texts(svg(bars("lin", versus=True))))
    assert {"_hidden", "lin"} <= set(texts(svg(hours(5, "_hidden", "lin"))))


def test_figures_have_thousands_apart_and_hours_are_marked():
    found = texts(svg(hours(24, "events")))
    assert {"10,000", "00:00", "Nov 19", "events", "hour (UTC)"} <= set(found)
    assert "Shown: until noon" in found


def test_the_same_chart_is_the_same_file_in_each_theme():
    made = hours(200, "amara", "lin")
    for theme in ("light", "dark"):
        assert svg(made, theme) == svg(made, theme)
        assert png(made, theme) == png(made, theme)
    assert svg(made, "dark") != svg(made)


def test_a_png_can_be_read_and_is_1800_pixels_wide():
    from matplotlib.image import imread

    pixels = imread(io.BytesIO(png(bars("amara", "lin"), "dark")))
    assert pixels.shape[1] == 1_800
    assert pixels[0, 0, :3].max() < 0.2


def test_the_settings_of_the_embedding_program_neither_change_the_picture_nor_are_changed():
    import matplotlib

    expected = svg(bars("$lin$"))
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30, "svg.fonttype": "path"}):
        before = dict(matplotlib.rcParams)
        assert svg(bars("$lin$")) == expected
        assert dict(matplotlib.rcParams) == before


def test_without_matplotlib_the_error_names_the_extra_and_importing_needs_it_not():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import mantissa_core.ask.draw as draw, mantissa_core.ask.chart as chart\n"
        "from mantissa_core.errors import NeedsOperator\n"
        "made = chart.Chart(kind='bars', title='', x='', y='', labels=('a',), series=(chart.Series('', (1.0,)),))\n"
        "try: draw.svg(made)\n"
        "except NeedsOperator as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "pictures need matplotlib: pip install 'mantissa-core[charts]'"
