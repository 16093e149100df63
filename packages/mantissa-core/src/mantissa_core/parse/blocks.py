"""Reading a delivery file in blocks, whatever its reader does."""

from __future__ import annotations

from typing import BinaryIO

from mantissa_core.errors import BadRecord

BOM = b"\xef\xbb\xbf"
"""The byte order mark that some programs put before UTF-8 text."""

BLOCK_BYTES = 2 << 20
"""Small enough that its memory is used again and again: fresh pages cost more than reading into them."""
KEPT_OF_OVERSIZED = 64 << 10
"""How much of a record that exceeds the limit is kept for the dead letter."""


class Blocks:
    """Reads ``reader`` in blocks of ``BLOCK_BYTES``.

    ``damage`` is set once the reader reports broken content (a truncated gzip file): reading then ends as if the
    file did, and what came before is good.
    """

    def __init__(self, reader: BinaryIO) -> None:
        self._reader = reader
        self.damage: BadRecord | None = None

    def next(self, size: int = BLOCK_BYTES) -> bytes:
        """Return up to ``size`` bytes, fewer only at the end, none after it."""
        parts: list[bytes] = []
        missing = size
        while missing and self.damage is None:
            try:
                part = self._reader.read(missing)
            except BadRecord as error:
                self.damage = error
                break
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def skip(self, size: int) -> int:
        """Move ``size`` bytes ahead from the start, by seeking where that is possible; return how many there were."""
        if self._reader.seekable():
            self._reader.seek(size)
            return size
        skipped = 0
        while skipped < size and (block := self.next(min(BLOCK_BYTES, size - skipped))):
            skipped += len(block)
        return skipped
