"""A cursor over JSON text that comes in blocks: it finds where values end and judges nothing else about them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .blocks import KEPT_OF_OVERSIZED, Blocks

_SPACE = re.compile(rb"[ \t\r\n,:]*")
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)
_REST_OF_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SCALAR = re.compile(rb'[^ \t\r\n,:\]}\[{"]*')


@dataclass(frozen=True, slots=True)
class Value:
    """A value's text; of one longer than the limit the first 64 KB. ``cut`` says that the text ended within it."""

    raw: bytes
    size: int
    cut: bool


class Scanner:
    """Walks over ``start`` and then ``blocks``. A value longer than ``limit`` is passed over without holding it."""

    def __init__(self, blocks: Blocks, start: bytes, limit: int) -> None:
        self._blocks = blocks
        self._limit = limit
        self._buffer = start
        self._at = 0  # the cursor
        self._pos = 0  # how far a value under way was scanned
        self._dropped = 0  # bytes of it that are gone from the buffer
        self._kept = b""  # its beginning, once bytes were dropped

    @property
    def offset(self) -> int:
        """The cursor's place in the buffer, which is that in the text until the first block was read."""
        return self._at

    def next(self) -> bytes:
        """Move to the next character that is neither space nor separator and return it; nothing at the end."""
        while True:
            if match := _SPACE.match(self._buffer, self._at):
                self._at = match.end()
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._read_on():
                return b""

    def step(self) -> None:
        """Move over one character."""
        self._at += 1

    def value(self) -> Value:
        """Take the value at the cursor. Its size is 0 where none can begin."""
        first = self.next()
        self._pos = self._at
        complete = self._nested() if first in (b"{", b"[", b'"') else self._scalar()
        size = self._dropped + self._pos - self._at
        raw = self._kept or self._buffer[self._at : self._pos]
        self._at, self._dropped, self._kept = self._pos, 0, b""
        return Value(raw, size, not complete)

    def remainder(self) -> Value:
        """Take everything that is left."""
        self._pos = len(self._buffer)
        while self._read_on():
            self._pos = len(self._buffer)
            self._drop()
        size = self._dropped + self._pos - self._at
        raw = self._kept or self._buffer[self._at : self._at + KEPT_OF_OVERSIZED]
        self._at, self._dropped, self._kept = self._pos, 0, b""
        return Value(raw, size, cut=False)

    def _nested(self) -> bool:
        depth = 0
        while True:
            match = _TOKEN.search(self._buffer, self._pos)
            if match is None:
                self._pos = len(self._buffer)
                if not self._read_on():
                    return False
                continue
            self._pos = match.end()
            token = match[0]
            if token in (b"{", b"["):
                depth += 1
            elif token in (b"}", b"]"):
                depth -= 1
            elif token == b'"' and not self._rest_of_string():
                return False
            if depth == 0:
                return True

    def _rest_of_string(self) -> bool:
        """Go to the end of a string whose beginning is behind, and whose end is not in the buffer yet."""
        while True:
            if match := _REST_OF_STRING.match(self._buffer, self._pos):
                self._pos = match.end()
            if self._buffer[self._pos : self._pos + 1] == b'"':
                self._pos += 1
                return True
            if not self._read_on():
                self._pos = len(self._buffer)
                return False

    def _scalar(self) -> bool:
        while True:
            if match := _SCALAR.match(self._buffer, self._pos):
                self._pos = match.end()
            if self._pos < len(self._buffer):
                return True
            if not self._read_on():
                return True

    def _read_on(self) -> bool:
        """Append the next block; let go of what is behind the cursor, or of a value that is too long."""
        self._pos = max(self._pos, self._at)
        self._drop()
        block = self._blocks.next()
        self._buffer = self._buffer[self._at :] + block
        self._pos -= self._at
        self._at = 0
        return bool(block)

    def _drop(self) -> None:
        if self._dropped + self._pos - self._at > self._limit:
            self._kept = self._kept or self._buffer[self._at : self._at + KEPT_OF_OVERSIZED]
            self._dropped += self._pos - self._at
            self._at = self._pos
