"""A table without rich, for commands that must start at once."""

from __future__ import annotations

from collections.abc import Sequence

import click

from .output import cell, width

GAP = 2


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headings. The last column is cut where the line would not fit."""
    texts = [[cell(value) for value in row] for row in rows]
    widths = [max(len(each[at]) for each in [list(columns), *texts]) for at in range(len(columns))]
    for line in [list(columns), *texts]:
        padded = (text.ljust(size + GAP) for text, size in zip(line, widths, strict=True))
        click.echo(_fitted("".join(padded).rstrip()))


def _fitted(line: str) -> str:
    room = width()
    return line if len(line) <= room else f"{line[: room - 1]}…"
