"""Charts on a terminal, as wide as it is, of blocks or of ASCII; and as files."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from mantissa_core.ask.chart import Chart, Series
from mantissa_core.cli.chart import show_chart
from rich.cells import cell_len

from .conftest import write_lines

LO = datetime(2026, 11, 19, tzinfo=UTC)
HOURS = Chart(
    kind="time",
    title="",
    x="hour (UTC)",
    y="events",
    at=tuple(LO + timedelta(hours=n) for n in range(24)),
    series=(Series("events", tuple(float(1_300 if n == 9 else 20 if n == 3 else n % 5 * 100) for n in range(24))),),
)
BARS = Chart(
    kind="bars",
    title="",
    x="user",
    y="events",
    labels=("amara@example.com", "李娜", "(none)", "arn:aws:sts::123456789012:assumed-role/deploy/s"),
    series=(Series("events", (1_234.0, 400.0, 1.0, 0.0)),),
    note="the first 4 of 9",
)
PAIRS = Chart(
    kind="pairs",
    title="",
    x="user",
    y="events",
    labels=("amara", "lin"),
    series=(Series("today", (30.0, None)), Series("yesterday", (12.0, 3.0))),
)
TWO = Chart(
    kind="time",
    title="",
    x="day (UTC)",
    y="events",
    at=tuple(LO + timedelta(days=n) for n in range(8)),
    bucket="day",
    series=(Series("amara", (1.0, 2.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0)), Series("lin", (None,) * 7 + (3.0,))),
)

GOLDEN = {
    "hours": (
        HOURS,
        """
events per hour (UTC)
1,500 ┤                  ▁▁
      │                  ██
1,000 ┤                  ██
      │                  ██
  500 ┤        ▄▄      ▁▁██      ▁▁▄▄      ▁▁▄▄      ▁▁
      │  ▃▃▆▆▁▁██  ▃▃▆▆████  ▃▃▆▆████  ▃▃▆▆████  ▃▃▆▆██
    0 ┼┬───────────┬───────────┬───────────┬───────────
       00:00       06:00       12:00       18:00
       Nov 19
""",
    ),
    "bars": (
        BARS,
        """
user                  events
amara@example.com     ███████████████████████████████ 1,234
李娜                  ██████████ 400
(none)                ▏ 1
arn:aw…role/deploy/s  0
Shown: the first 4 of 9.
""",
    ),
    "pairs": (
        PAIRS,
        """
       ██ today   ░░ yesterday
amara  █████████████████████████████████████████████████ 30
       ░░░░░░░░░░░░░░░░░░░ 12
lin
       ░░░░ 3
""",
    ),
    "two": (
        TWO,
        """
events per day (UTC)

   amara
4 ┤                        █████
  │                        █████
2 ┤      █████             █████
  │█████ █████             █████

   lin
4 ┤
  │                                          █████
2 ┤                                          █████
  │                                          █████
0 ┼┬───────────┬───────────┬───────────┬───────────
   Nov 19      Nov 21      Nov 23      Nov 25
   2026
""",
    ),
}
ASCII = """
events per hour (UTC)
1,500 +
      |                  ##
1,000 +                  ##
      |                  ##
  500 +        ##        ##        ##        ##
      |  ########  ########  ########  ########  ######
    0 ++-----------+-----------+-----------+-----------
       00:00       06:00       12:00       18:00
       Nov 19
"""


def shown(monkeypatch, chart, columns, encoding="utf-8"):
    monkeypatch.setenv("COLUMNS", str(columns))
    stdout = io.TextIOWrapper(io.BytesIO(), encoding)
    with monkeypatch.context() as patched:
        patched.setattr("sys.stdout", stdout)
        show_chart(chart)
    stdout.flush()
    return stdout.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_chart_of_sixty_columns(monkeypatch, name):
    made, expected = GOLDEN[name]
    assert shown(monkeypatch, made, 60) == expected.lstrip("\n")


def test_where_there_are_no_blocks_it_is_ascii(monkeypatch):
    assert shown(monkeypatch, HOURS, 60, "ascii") == ASCII.lstrip("\n")
    assert "====" in shown(monkeypatch, PAIRS, 60, "ascii")


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("name", GOLDEN)
def test_no_line_is_wider_than_the_terminal(monkeypatch, name, columns):
    for line in shown(monkeypatch, GOLDEN[name][0], columns).splitlines():
        assert cell_len(line) <= columns


def test_more_points_than_columns_show_the_highest(monkeypatch):
    values = tuple(900.0 if n == 700 else 1.0 for n in range(1_440))
    at = tuple(LO + timedelta(minutes=n) for n in range(1_440))
    text = shown(monkeypatch, replace(HOURS, at=at, bucket="minute", series=(Series("events", values),)), 80)
    assert "each column is the highest of 20" in text
    assert text.splitlines()[2].endswith("█")
    assert "900" not in text.splitlines()[1]


@pytest.fixture
def asked(mantissa_at, home, monkeypatch):
    """The command line on an instance with two hours of events until now."""
    monkeypatch.setenv("COLUMNS", "80")
    now = datetime.now(UTC)
    lines = [
        {
            "key": f"k{n}",
            "at": (now - timedelta(minutes=20 * n + 1)).isoformat(),
            "actor": actor,
            "address": "192.0.2.1",
        }
        for n, actor in enumerate(["amara", "amara", "amara", "lin", "lin", "$eve$\x1b[31m"])
    ]
    write_lines(home / "incoming" / "a.ndjson", *lines)
    assert mantissa_at("collect").exit_code == 0
    return mantissa_at


PER_USER = "acme events per user in the last 24 hours"


def test_a_question_is_answered_with_a_chart(asked):
    result = asked("ask", PER_USER, "--chart")
    assert result.exit_code == 0, result.output
    bars = {line.split()[0]: line.count("█") for line in result.output.splitlines() if "█" in line}
    assert bars["amara"] > bars["lin"] > bars["$eve$\\u001b[31m"] > 0
    assert "3 users, 6 events in all" in result.output
    assert "\x1b" not in result.output
    hourly = asked("ask", "acme events per hour in the last 24 hours", "--chart", "--zone", "Asia/Kolkata")
    assert "events per hour (Asia/Kolkata)" in hourly.output


def test_a_list_is_shown_as_a_list_and_why_there_is_no_chart(asked):
    result = asked("ask", "acme events in the last 24 hours", "--chart")
    assert result.exit_code == 0
    assert "No chart: a list has no chart" in result.stderr
    assert "TIME" in result.output


def test_a_chart_is_drawn_into_a_file(asked, tmp_path):
    pytest.importorskip("matplotlib")
    assert asked("ask", PER_USER, "-f", "png", "-o", str(tmp_path / "a.png"), "--save", "mine").exit_code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    printed = asked("ask", PER_USER, "-f", "svg", "--theme", "dark").stdout
    assert "#16191d" in printed
    assert "$eve$\\u001b[31m" in {each.text for each in ElementTree.fromstring(printed).iter()}
    assert asked("questions", "run", "mine", "-f", "svg", "-o", str(tmp_path / "b.svg")).exit_code == 0
    ElementTree.parse(tmp_path / "b.svg")
    assert "█" in asked("questions", "run", "mine", "--chart").output


def test_a_picture_that_cannot_be_drawn_is_refused(asked, tmp_path):
    place = tmp_path / "a.svg"
    result = asked("ask", "acme events in the last 24 hours", "-f", "svg", "-o", str(place))
    assert (result.exit_code, place.exists()) == (2, False)
    assert "a list has no chart" in result.stderr
    assert asked("ask", PER_USER, "-f", "png").exit_code == 2


def test_a_session_draws_the_last_answer(asked):
    lines = [PER_USER, ":chart", "acme events in the last 24 hours", ":chart"]
    result = asked("ask", input="\n".join([*lines, ":quit"]) + "\n")
    assert result.exit_code == 0, result.output
    assert "user" in [line.split("  ")[0] for line in result.output.splitlines()]
    assert "a list has no chart" in result.stderr
    assert "█" in asked("ask", "--chart", input=f"{PER_USER}\n").output
