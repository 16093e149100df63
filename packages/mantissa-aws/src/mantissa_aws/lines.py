"""Text logs, taken apart line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from mantissa_core.errors import BadRecord
from mantissa_core.model import Blob, Decoded, Rejected
from mantissa_core.parse.json_lines import JSONLines

KEPT = 64 * 1024
"""Bytes that are kept of a line that is rejected."""

Translate = Callable[[bytes, bool], bytes | None]
"""From a line to the JSON text of its event; ``None`` for a line that is none. Raises ``BadRecord``.

The second argument says whether a line feed ended the line: without one it may be cut.
"""
CUT = "the text ends in the middle of this line"
"""Why a line is rejected that no line feed ended."""


def translated(blob: Blob, max_bytes: int, translate: Translate) -> Iterator[Decoded]:
    """Yield the events of the lines behind ``blob.offset``. Positions are the byte offsets of lines.

    Lines before the offset are translated as well: a header among them says what the later ones mean.
    """
    lines = JSONLines(JSONLines.Config(max_record_bytes=max_bytes))
    for step in lines.decode(replace(blob, offset=0)):
        if (events := _step(step, blob.offset, translate)).end > blob.offset or events.rejected:
            yield events


def _step(step: Decoded, offset: int, translate: Translate) -> Decoded:
    records: list[bytes] = []
    positions: list[int] = []
    rejected = [each for each in step.rejected if each.position >= offset]
    for line, position in zip(step.records, step.positions, strict=True):
        try:
            record = translate(line, position + len(line) < step.end)
        except BadRecord as error:
            if position >= offset:
                rejected.append(Rejected(line[:KEPT], str(error), position, len(line)))
            continue
        if record is not None and position >= offset:
            records.append(record)
            positions.append(position)
    rejected.sort(key=lambda each: each.position)
    return Decoded(records, positions, step.end, rejected)
