"""Where a row of CSV ends: at a line feed that stands in no quotes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .blocks import KEPT_OF_OVERSIZED


@dataclass(frozen=True, slots=True)
class Row:
    """A row's bytes without its line end, where it began, and where the next one does; or why it is none."""

    position: int
    content: bytes
    end: int
    problem: str = ""


class Rows:
    """Takes a stream apart, whatever pieces it arrives in. ``position`` is the offset of the row that is not complete.

    A quote opens at the beginning of a value only. One that nothing closes within ``limit`` bytes costs its own line:
    reading goes on behind it.
    """

    def __init__(self, delimiter: bytes, quote: bytes, limit: int, position: int = 0) -> None:
        self._delimiter, self._quote, self._limit = delimiter, quote, limit
        self.position = position
        self._rest = b""
        self._skipping: Row | None = None

    @property
    def unfinished(self) -> bool:
        """Whether something waits for its end."""
        return bool(self._rest) or self._skipping is not None

    def feed(self, content: bytes) -> Iterator[Row]:
        """Yield the rows that end within ``content``. Walk it to its end before the next piece."""
        if (found := self._skipping) is not None:
            line = content.find(b"\n")
            self.position = found.end + (len(content) if line < 0 else line + 1)
            self._skipping = replace(found, end=self.position)
            if line < 0:
                return
            yield replace(found, end=self.position, problem=self._too_long(found.end + line - found.position))
            self._skipping, content = None, content[line + 1 :]
        buffer, start, at = self._rest + content, self.position, 0
        while at < len(buffer):
            end = self._end(buffer, at)
            if end < 0 and len(buffer) - at <= self._limit:
                break
            line = buffer.find(b"\n", at)
            if line < 0:
                self._skipping = Row(start + at, buffer[at : at + KEPT_OF_OVERSIZED], start + len(buffer))
                at = len(buffer)
                break
            if end < 0 or (end > line and end - at > self._limit):
                end = line
                yield Row(
                    start + at, buffer[at:end], start + end + 1, f"a quote that {self._limit:,} bytes do not close"
                )
            elif end - at > self._limit:
                problem = self._too_long(end - at)
                yield Row(start + at, buffer[at : at + KEPT_OF_OVERSIZED], start + end + 1, problem)
            elif (row := buffer[at:end]).strip(b" \t\r"):
                yield Row(start + at, row.removesuffix(b"\r"), start + end + 1)
            at = end + 1
        self._rest, self.position = buffer[at:], start + at

    def finish(self) -> Iterator[Row]:
        """What stands behind the last line feed is a row in a file that is complete; an open quote is none."""
        if self._skipping is not None:
            found, self._skipping = self._skipping, None
            yield replace(found, problem=self._too_long(found.end - found.position))
        buffer, start, at = self._rest + b"\n", self.position, 0
        while self._rest and at < len(buffer):
            end = self._end(buffer, at)
            closed = end >= 0
            end = end if closed else buffer.find(b"\n", at)
            following = start + min(end + 1, len(self._rest))
            if not closed:
                yield Row(start + at, buffer[at:end], following, "a quote that is not closed")
            elif (row := buffer[at:end]).strip(b" \t\r"):
                yield Row(start + at, row.removesuffix(b"\r"), following)
            at = end + 1
            self.position = following
        self._rest = b""

    def _too_long(self, size: int) -> str:
        return f"a row of {size:,} bytes, longer than max_record_bytes = {self._limit:,}"

    def _end(self, buffer: bytes, at: int) -> int:
        """The line feed that ends the row at ``at``; -1 where it is not there, because of a quote or at all."""
        line = buffer.find(b"\n", at)
        if buffer.find(self._quote, at, line if line >= 0 else len(buffer)) < 0:
            return line
        while True:
            if buffer.startswith(self._quote, at):
                at = self._behind_quotes(buffer, at + 1)
                if at < 0:
                    return -1
                if 0 <= line < at:
                    line = buffer.find(b"\n", at)
            following = buffer.find(self._delimiter, at, line if line >= 0 else len(buffer))
            if following < 0:
                return line
            at = following + 1

    def _behind_quotes(self, buffer: bytes, at: int) -> int:
        """The place behind the quote that closes a value; -1 where none does. A doubled one is part of the value."""
        while (at := buffer.find(self._quote, at)) >= 0:
            if not buffer.startswith(self._quote, at + 1):
                return at + 1
            at += 2
        return -1
