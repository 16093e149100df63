"""What commands print: tables that fit the terminal for people, JSON for programs. Standard output, nothing else.

Cells hold text from logs and rules: they are shown as text, never read as markup.
"""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from .text import one_line, printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

UNATTENDED_WIDTH = 120
"""Columns of a table that goes to a file or a pipe."""


def say(text: str = "", *, err: bool = False) -> None:
    """Print a line of ours or of the logs', harmless either way."""
    click.echo(printable(text), err=err)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print one JSON document. Times become ISO 8601, paths text."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=indent, default=_plain))


def print_json_lines(values: Iterable[Any]) -> None:
    """Print one JSON document per line."""
    for value in values:
        print_json(value, indent=None)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value) if not isinstance(value, Mapping) else dict(value)


def width() -> int:
    """Columns that there are to print on: the terminal's, those of ``COLUMNS``, or 120."""
    return shutil.get_terminal_size((UNATTENDED_WIDTH, 24)).columns


def console(*, err: bool = False) -> Console:
    """A console that reads no markup, guesses no highlights and fits the terminal."""
    from rich.console import Console

    return Console(stderr=err, markup=False, highlight=False, emoji=False, width=None if err else width())


class Stacked(tuple[object, ...]):
    """Values that stand below each other in one cell."""

    __slots__ = ()


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    fixed: Sequence[str] = (),
    cut: Mapping[str, int] | None = None,
    styles: Mapping[str, str] | None = None,
) -> None:
    """Print rows under headings. Columns that do not fit are wrapped.

    ``right`` columns are aligned right and, like ``fixed`` ones, keep their width; ``cut`` ones lose what is
    longer than so many characters. ``styles`` maps a cell's text to a style (a severity to its colour).
    """
    from rich.table import Table
    from rich.text import Text

    texts = [[_lines(value) for value in row] for row in rows]
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for at, name in enumerate(columns):
        kept = name in fixed or name in right
        longest = max((len(line) for row in texts for line in row[at]), default=0)
        grid.add_column(
            Text(name, style="bold"),
            justify="right" if name in right else "left",
            min_width=max(longest, len(name)) if kept else None,
            max_width=(cut or {}).get(name),
            no_wrap=kept or name in (cut or {}),
            overflow="ellipsis" if name in (cut or {}) else "fold",
        )
    for row in texts:
        grid.add_row(*(Text("\n").join(Text(line, (styles or {}).get(line, "")) for line in lines) for lines in row))
    print_block(grid)


def _lines(value: object) -> list[str]:
    return [cell(each) for each in value] if isinstance(value, Stacked) else [cell(value)]


def print_block(block: RenderableType) -> None:
    """Print without the blanks that fill lines up: they wrap when the output is copied."""
    terminal = console()
    with terminal.capture() as captured:
        terminal.print(block)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def paragraph(text: str) -> None:
    """Print a text, wrapped between words."""
    say(textwrap.fill(printable(text), min(width(), UNATTENDED_WIDTH), break_on_hyphens=False))


def facts(pairs: Iterable[tuple[str, object]], *, indent: int = 0) -> None:
    """Print names and values, the values aligned and wrapped under themselves; empty ones are left out."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        if value not in (None, "", (), [], {}):
            grid.add_row(Text(one_line(name)), Text(printable(_text(value))))
    if grid.row_count:
        print_block(Padding(grid, (0, 0, 0, indent)))


def cell(value: object) -> str:
    """One line for a table's cell."""
    return one_line(_text(value))


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(each, (str, int, float)) for each in value):
        return ", ".join(str(each) for each in value)
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return str(value)


def moment(value: datetime | None) -> str:
    """A time in UTC, to the second."""
    return value.strftime("%Y-%m-%d %H:%M:%S") if value else ""


def duration(seconds: float | None) -> str:
    """A span in the two units that read best: ``45 s``, ``12 min``, ``3 h 20 min``, ``2 d 4 h``; empty for none."""
    if seconds is None:
        return ""
    if seconds == float("inf"):
        return "over 30 d"
    for size_, unit, smaller, below in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size_:
            whole, rest = divmod(int(seconds), size_)
            return f"{whole} {unit} {rest // smaller} {below}" if rest // smaller else f"{whole} {unit}"
    return f"{seconds:.0f} s"


def number(value: float) -> str:
    """A count with thousands apart."""
    return f"{value:,.0f}"


def size(value: float) -> str:
    """A number of bytes in the unit that reads best."""
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def plural(count: int, one: str, many: str = "") -> str:
    """``1 alert``, ``2 alerts``."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


SEVERITY_STYLES: Mapping[str, str] = {
    "critical": "bold red",
    "high": "red",
    "medium": "yellow",
    "low": "cyan",
    "informational": "dim",
}
