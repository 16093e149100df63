"""What fits into a client's context: rows and documents, cut to so many characters of JSON, and said to be cut."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mantissa_core.alert.plain import plain

LONGEST = (2_000, 300, 60)
"""Characters of a cell: as they are where all rows fit, shorter so that more rows do."""
_SHAPES = ((2_000, 50), (500, 20), (120, 5), (40, 2))
"""Characters of a text and items of a list, in a document that must fit as a whole."""
_KEPT = re.compile(r"([\n\t])")


def visible(text: str) -> str:
    """The text with what nobody sees spelled out: control, format and unassigned characters.

    A person who checks what a model was told must see all of it; tags and zero-width characters could hide words.
    """
    if text.isprintable():
        return text
    return "".join(each if each in "\n\t" else plain(each) for each in _KEPT.split(text))


def short(text: str, longest: int) -> str:
    """The visible text, cut."""
    shown = visible(text[:longest])  # cut first: a raw log may have a megabyte
    if len(text) <= longest and len(shown) <= longest:
        return shown
    return f"{shown[:longest]}… (cut from {len(text):,} characters)"


def size(value: Any) -> int:
    """Characters that it takes as JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def fit(rows: Sequence[Mapping[str, Any]], room: int) -> tuple[list[dict[str, Any]], bool]:
    """As many of the first rows as ``room`` characters take, without nulls; and whether anything was left out."""
    kept: list[dict[str, Any]] = []
    cut = False
    for longest in LONGEST:
        kept, cut = _first(rows, room, longest)
        if len(kept) == len(rows) or (kept and longest < LONGEST[0]):
            break
    return kept, cut or len(kept) < len(rows)


def shrink(document: Mapping[str, Any], room: int) -> tuple[dict[str, Any], bool]:
    """A document with its texts and lists cut until it fits, and whether they were."""
    whole: dict[str, Any] = _shrunk(document, *_UNBOUNDED)
    for longest, most in (_UNBOUNDED, *_SHAPES):
        made: dict[str, Any] = _shrunk(document, longest, most)
        if size(made) <= room:
            return made, made != whole
    text = json.dumps(whole, ensure_ascii=False)  # at most doubled by what is escaped once more
    return {"text": short(text, max(0, room // 2 - 60))}, True


_UNBOUNDED = (1_000_000, 1_000_000)


def _first(rows: Sequence[Mapping[str, Any]], room: int, longest: int) -> tuple[list[dict[str, Any]], bool]:
    kept, cut = [], False
    for row in rows:
        cells = {visible(name): _cell(value, longest) for name, value in row.items() if value is not None}
        small = {name: value for name, (value, _) in cells.items()}
        room -= size(small) + 1
        if room < 0:
            break
        kept.append(small)
        cut = cut or any(each for _, each in cells.values())
    return kept, cut


def _cell(value: Any, longest: int) -> tuple[Any, bool]:
    """A value as it is shown, and whether something of it is not."""
    if isinstance(value, (list, dict)):
        made = _shrunk(value, *_UNBOUNDED)
        if size(made) <= longest:
            return made, False
        value = json.dumps(made, ensure_ascii=False)
    if not isinstance(value, str):
        return value, False
    shown = short(value, longest)
    return shown, len(value) > longest or len(shown) > longest


def _shrunk(value: Any, longest: int, most: int) -> Any:
    match value:
        case str():
            return short(value, longest)
        case Mapping():
            items = list(value.items())
            made = {short(str(name), 200): _shrunk(each, longest, most) for name, each in items[: 4 * most]}
            return made if len(items) <= 4 * most else {**made, "…": f"{len(items) - 4 * most:,} more"}
        case list() | tuple():
            found = [_shrunk(each, longest, most) for each in value[:most]]
            return found if len(value) <= most else [*found, f"… ({len(value) - most:,} more)"]
    return value
