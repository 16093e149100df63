"""The labelled set: strings written for it, with what must be found in each, traps included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_MARK = re.compile(r"⟦(?P<kind>\w+):(?P<value>[^⟧]*)⟧")


@dataclass(frozen=True)
class Labelled:
    text: str
    field: str
    values: tuple[tuple[str, int, int], ...]
    """Kind, start, end."""


def read() -> list[Labelled]:
    lines = (Path(__file__).parent / "labelled.txt").read_text(encoding="utf-8").splitlines()
    return [_of(line) for line in lines if line and not line.startswith("#")]


def _of(line: str) -> Labelled:
    field = ""
    if line.startswith("@"):
        field, _, line = line[1:].partition(" ")
    text, values, end = "", [], 0
    for match in _MARK.finditer(line):
        text += line[end : match.start()]
        values.append((match["kind"], len(text), len(text) + len(match["value"])))
        text += match["value"]
        end = match.end()
    return Labelled(text + line[end:], field, tuple(values))
