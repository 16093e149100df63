"""Plain lists: an indicator on each line, ``#`` or ``;`` before a comment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from mantissa_core.alert.enrich import values

from .index import Index, Listed

_LINE = 64 * 1024
"""Characters of a line; what is longer is no indicator and is read in pieces."""
_MARKS = ("#", ";")


def read_plain(path: Path, index: Index) -> None:
    """Read ``203.0.113.7``, ``203.0.113.0/24 ; SBL1``, ``evil.example # C2 server``. The comment becomes the note."""
    noted = notes()
    with opened(path) as file:
        for line in lines(file):
            value, _, rest = line.strip().partition(" ") if "\t" not in line else line.strip().partition("\t")
            rest = rest.strip()
            if rest and not rest.startswith(_MARKS):
                index.unreadable += 1
            elif value and not value.startswith(_MARKS):
                index.add(value, noted(rest.lstrip("#; ")))


def opened(path: Path) -> TextIO:
    """The file as text. What is no UTF-8 costs its line, not the list."""
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def lines(file: TextIO) -> Iterator[str]:
    """The lines of a file, no longer than 64 KB."""
    return iter(lambda: file.readline(_LINE), "")


def notes() -> Callable[[str], Listed]:
    """What lists say, by note: many indicators share one."""
    known: dict[str, Listed] = {"": Listed()}

    def noted(note: str) -> Listed:
        found = known.get(note)
        if found is None:
            found = Listed(values.text(note) or "")
            if len(known) < 10_000:
                known[note] = found
        return found

    return noted
