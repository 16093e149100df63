"""The objects of an array in a stream of JSON text, found by brackets alone, whatever the size of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mantissa_core.model import Decoded, Rejected

KEPT = 64 * 1024
"""Bytes that are kept of what is rejected."""
MEMBER = b'"Records"'

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:(?P<closed>")|(?P<escape>\\)?\Z)|[{}\[\]]|[^\s,:{}\[\]"]++', re.DOTALL)
_REST_OF_STRING = re.compile(rb'(?:[^"\\]|\\.)*+(?:(?P<closed>")|(?P<escape>\\)?\Z)', re.DOTALL)


@dataclass(slots=True)
class _Piece:
    """Something that stands where an element should, as far as it has been read."""

    start: int
    size: int = 0
    parts: list[bytes] = field(default_factory=list)

    def add(self, part: bytes, limit: int) -> None:
        """Keep the whole up to ``limit`` bytes; of a larger one the beginning."""
        self.size += len(part)
        if self.size <= limit:
            self.parts.append(part)
        else:
            self.parts = [b"".join([*self.parts, part])[:KEPT]]

    @property
    def content(self) -> bytes:
        return b"".join(self.parts)


class Elements:
    """Finds the objects in ``Records`` arrays and in top-level arrays. Feed it blocks in order.

    ``offset`` is that of the first block in the file; behind the file's beginning it must lie between two elements,
    and ``depth`` says how deep those lie.
    """

    def __init__(self, offset: int, depth: int, limit: int) -> None:
        self._offset, self._limit = offset, limit
        self._depth = self._inside = depth
        self._key_is_records = self._in_string = self._escaped = False
        self._held = b""
        self._piece: _Piece | None = None
        self._object: int | None = None  # where a top-level object began that had no array yet
        self._records: list[bytes] = []
        self._positions: list[int] = []
        self._rejected: list[Rejected] = []
        self.end = offset

    def feed(self, block: bytes) -> Decoded:
        """Return the elements that end in ``block``."""
        block, self._held = self._held + block, b""
        kept_from = 0
        for start, end, token in self._tokens(block):
            if self._piece is None and self._at_element(token):
                self._piece, kept_from = _Piece(self._offset + start), start
            self._step(token, self._offset + start)
            if self._piece is not None and self._depth == self._inside and not self._in_string:
                self._piece.add(block[kept_from:end], self._limit)
                self._finish(self._piece)
        if self._piece is not None:
            self._piece.add(block[kept_from:], self._limit)
        self._offset += len(block) - len(self._held)
        return self._taken()

    def finish(self, damage: str | None) -> Decoded:
        """The text is over, because of ``damage`` or because there is no more: say what was cut off."""
        self._offset += len(self._held)
        if self._piece is not None:
            self._reject(self._piece, damage or "the file ends in the middle of a record")
        elif damage or self._depth:
            self._reject(
                _Piece(self._offset), damage or "the file ends in the middle of an array: records may be missing"
            )
        self.end = self._offset
        return self._taken()

    def _tokens(self, block: bytes) -> Iterator[tuple[int, int, bytes]]:
        at = 0
        if self._in_string and block:
            rest = _REST_OF_STRING.match(block, 1 if self._escaped else 0)
            self._note_string(rest)
            at = rest.end() if rest else len(block)
            yield 0, at, b""
        for match in _TOKEN.finditer(block, at):
            token = match[0]
            if token[:1] == b'"':
                self._note_string(match)
                if self._in_string and self._piece is None and len(token) <= len(MEMBER):
                    self._held, self._in_string = token, False  # it may be the beginning of MEMBER
                    return
            yield match.start(), match.end(), token

    def _note_string(self, match: re.Match[bytes] | None) -> None:
        """Remember whether a string goes on in the next block, and whether the first byte there is escaped."""
        self._in_string = match is None or match["closed"] is None
        self._escaped = self._in_string and match is not None and match["escape"] is not None

    def _at_element(self, token: bytes) -> bool:
        return bool(self._inside) and self._depth == self._inside and token != b"]"

    def _step(self, token: bytes, position: int) -> None:
        if token in (b"{", b"["):
            self._open(token, position)
        elif token in (b"}", b"]"):
            self._close(position)
        elif self._depth == 1 and not self._inside:
            self._key_is_records = token == MEMBER
        elif self._depth == 0 and token:
            self._reject(_Piece(position, len(token), [token]), "not a JSON object")

    def _open(self, token: bytes, position: int) -> None:
        self._depth += 1
        if token == b"[" and not self._inside and (self._depth == 1 or (self._depth == 2 and self._key_is_records)):
            self._inside, self._object = self._depth, None
        elif self._depth == 1:
            self._object = position
            self._key_is_records = False

    def _close(self, position: int) -> None:
        self._depth = max(self._depth - 1, 0)
        if self._depth < self._inside:
            self._inside = 0
        if self._depth == 0 and self._object is not None:
            self._reject(_Piece(self._object, position + 1 - self._object), "an object without an array of Records")
            self._object = None

    def _finish(self, piece: _Piece) -> None:
        self._piece = None
        self.end = piece.start + piece.size
        if piece.size > self._limit:
            self._reject(piece, f"a record of {piece.size:,} bytes, longer than max_record_bytes = {self._limit:,}")
        elif (content := piece.content)[:1] == b"{":
            self._records.append(content)
            self._positions.append(piece.start)
        else:
            self._reject(piece, "not a JSON object")

    def _reject(self, piece: _Piece, reason: str) -> None:
        self._piece = None
        self._rejected.append(Rejected(piece.content[:KEPT], reason, piece.start, piece.size))

    def _taken(self) -> Decoded:
        step = Decoded(self._records, self._positions, self.end, self._rejected)
        self._records, self._positions, self._rejected = [], [], []
        return step
