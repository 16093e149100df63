"""Rows as files: CSV, JSON, Parquet. Charts as files: SVG, PNG."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pyarrow as pa

    from mantissa_core.ask.answer import Answer
    from mantissa_core.ask.draw import Theme

THEMES = ("light", "dark")
IMAGES = ("svg", "png")


def write_csv(rows: pa.Table, output: Path | None) -> None:
    """To a file or standard output."""
    from mantissa_core.query.export import csv_text

    with output.open("w", newline="", encoding="utf-8") if output else click.open_file("-", "w") as file:
        file.write(csv_text(rows))


def write_json(rows: pa.Table, output: Path | None) -> None:
    """One document, a list of objects, to a file or standard output. Times are ISO 8601."""
    text = json.dumps(rows.to_pylist(), ensure_ascii=False, indent=2, default=_plain)
    if output:
        output.write_text(text + "\n", "utf-8")
    else:
        click.echo(text)


def write_parquet(rows: pa.Table, output: Path | None) -> None:
    """To a file, with the columns' types."""
    import pyarrow.parquet as pq

    pq.write_table(rows, output, compression="zstd")


def write_chart(answer: Answer, form: str, theme: Theme, output: Path | None) -> None:
    """A picture of the rows, to a file; SVG may go to standard output.

    Raises:
        QueryError: they have none.
        NeedsOperator: matplotlib is not installed.
    """
    from mantissa_core.ask.draw import png, svg

    if form == "png" and output is not None:
        output.write_bytes(png(answer.chart(), theme))
        return
    text = svg(answer.chart(), theme)
    if output is not None:
        output.write_text(text, "utf-8")
    else:
        click.echo(text, nl=False)


def _plain(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
