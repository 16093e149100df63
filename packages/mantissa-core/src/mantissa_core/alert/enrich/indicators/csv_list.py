"""Lists as CSV with a header, which may be a comment as in the files of abuse.ch."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from mantissa_core.errors import NeedsOperator

from .index import Index
from .plain_list import lines, notes, opened

VALUES = (
    *("indicator", "value", "ioc", "ioc_value", "ip", "ip_address", "dst_ip", "domain", "host", "url"),
    *("sha256", "sha256_hash", "sha1", "md5", "md5_hash", "hash", "email"),
)
"""Names of columns that hold the indicator; the first that the header has counts."""
NOTES = ("description", "note", "comment", "reason", "threat", "threat_type", "malware", "malware_printable", "tags")
"""Names of columns that say what it is."""


def read_csv(path: Path, index: Index, value_column: str = "", note_column: str = "") -> None:
    """Read the rows of a file whose header has ``value_column``, or one of ``VALUES``.

    Raises:
        NeedsOperator: the header has no such column, or the file is no CSV.
    """
    noted = notes()
    with opened(path) as file:
        comments: list[str] = []
        rows = csv.reader(_data(lines(file), comments), skipinitialspace=True)
        try:
            first = next(rows, None)
            if first is None:
                return
            value, note, headed = _columns(first, comments, value_column, note_column)
            for row in rows if headed else _chained(first, rows):
                if len(row) <= value or not row[value].strip():
                    index.unreadable += 1
                else:
                    index.add(row[value].strip(), noted(row[note] if note is not None and note < len(row) else ""))
        except csv.Error as error:
            raise NeedsOperator(f"no CSV: {error}") from error


def _columns(
    first: Sequence[str], comments: Sequence[str], value_column: str, note_column: str
) -> tuple[int, int | None, bool]:
    """Which columns hold value and note, and whether the first row is the header; else the last comment is."""
    wanted = (value_column.casefold(),) if value_column else VALUES
    said = next(csv.reader(comments[-1:], skipinitialspace=True), [])
    for header, headed in ((first, True), (said, False)):
        names = [each.strip().casefold() for each in header]
        if (value := _place(names, wanted)) is not None:
            note = _place(names, (note_column.casefold(),) if note_column else NOTES)
            if note is None and note_column:
                raise NeedsOperator(f"its header lacks {note_column}")
            return value, note, headed
    raise NeedsOperator(f"its header lacks {value_column or 'a column that is known: set value_column'}")


def _place(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(each) for each in wanted if each in names), None)


def _data(every: Iterator[str], comments: list[str]) -> Iterator[str]:
    """The lines without comments and blanks; the last comment is put into ``comments``."""
    for line in every:
        if line.startswith("#"):
            comments[:] = [line.lstrip("# ").strip()]
        elif line.strip():
            yield line


def _chained(first: list[str], rest: Iterator[list[str]]) -> Iterator[list[str]]:
    yield first
    yield from rest
