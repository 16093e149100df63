"""An event stream's bytes, taken apart: one event a line, and empty lines that show that the connection is alive."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

LINE_BYTES = 16 * 1024 * 1024
"""The longest line that is kept; of a longer one the rest is dropped, so that it is no JSON any more."""


class LineSplitter:
    """Gives the lines of a stream as they are complete, without line feeds and without the empty ones."""

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def cut(self) -> bool:
        """Whether the stream ended in the middle of a line."""
        return bool(self._rest.strip())

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next bytes and return the lines that they complete."""
        lines = []
        *ends, rest = piece.split(b"\n")
        for end in ends:
            self._keep(end)
            if line := bytes(self._rest.strip()):
                lines.append(line)
            self._rest.clear()
        self._keep(rest)
        return lines

    def _keep(self, part: bytes) -> None:
        self._rest += part[: max(LINE_BYTES - len(self._rest), 0)]


@dataclass(frozen=True, slots=True)
class Line:
    """``event`` and its ``offset``, or why it is none. ``is_error``: it is an answer of the API, no stream."""

    event: dict[str, Any] | None = None
    offset: int = 0
    reason: str = ""
    is_error: bool = False


def understood(line: bytes) -> Line:
    """Read a line."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return Line(reason="the line is no JSON", is_error=line.startswith(b"<"))
    if not isinstance(found, dict):
        return Line(reason="the line is no JSON object")
    metadata = found.get("metadata")
    offset = metadata.get("offset") if isinstance(metadata, dict) else None
    if not isinstance(offset, int) or isinstance(offset, bool):
        return Line(reason="the event has no metadata.offset", is_error="metadata" not in found and "errors" in found)
    return Line(found, offset)
