"""The decoder ``core.json_lines``: one JSON object per line (NDJSON, JSON lines)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded, Rejected

from .blocks import BOM, KEPT_OF_OVERSIZED, Blocks

RECORDS_PER_STEP = 20_000


class JSONLines:
    """Splits text at line feeds. Positions are the byte offsets of lines.

    Blank lines and a byte order mark are no records. It looks at line ends and sizes only: whether a line is a JSON
    object is judged where rows are made.
    """

    class Config(PluginConfig):
        """Settings of ``core.json_lines``."""

        max_record_bytes: int = 16 << 20
        """A longer line is skipped and reported, without ever being held in memory."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield lines as records. ``end`` is the offset behind the last whole line."""
        with blob.open() as reader:
            yield from _Lines(Blocks(reader), blob, self.config.max_record_bytes).decode()


class _Lines:
    """One pass over one blob. ``_tail`` is the beginning of the line that starts at ``_position``."""

    def __init__(self, blocks: Blocks, blob: Blob, max_record_bytes: int) -> None:
        self._blocks = blocks
        self._final = blob.final
        self._limit = max_record_bytes
        self._position = blocks.skip(blob.offset) if blob.offset else 0
        self._tail = b""

    def decode(self) -> Iterator[Decoded]:
        while block := self._blocks.next():
            content = self._tail + block
            if self._position == 0 and content.startswith(BOM):
                content, self._position = content[len(BOM) :], len(BOM)
            *lines, self._tail = content.split(b"\n")
            yield from self._steps(lines)
            if len(self._tail) > self._limit:
                yield from self._skip_line()
        if self._final:
            yield from self._last_line()
        if self._blocks.damage is not None:
            yield self._rejection(b"", str(self._blocks.damage), self._position, 0)

    def _steps(self, lines: Sequence[bytes]) -> Iterator[Decoded]:
        for start in range(0, len(lines), RECORDS_PER_STEP):
            yield self._step(lines[start : start + RECORDS_PER_STEP])

    def _step(self, lines: Sequence[bytes]) -> Decoded:
        starts = list(accumulate((len(line) + 1 for line in lines), initial=self._position))
        self._position = starts.pop()
        records: list[bytes] = []
        positions: list[int] = []
        rejected: list[Rejected] = []
        for line, start in zip(lines, starts, strict=True):
            if len(line) > self._limit:
                rejected.append(self._oversized(line, start, len(line)))
            elif line.startswith(b"{") or line.strip(b" \t\r"):
                records.append(line.rstrip(b"\r"))
                positions.append(start)
        return Decoded(records, positions, self._position, rejected)

    def _last_line(self) -> Iterator[Decoded]:
        """What stands behind the last line feed is a record in a file that is complete."""
        if not self._tail:
            return
        step = self._step([self._tail])
        self._position -= 1  # no line feed ended it
        self._tail = b""
        yield Decoded(step.records, step.positions, self._position, step.rejected)

    def _skip_line(self) -> Iterator[Decoded]:
        """Read to the end of an oversized line, keeping its beginning only."""
        kept, start, size = self._tail[:KEPT_OF_OVERSIZED], self._position, len(self._tail)
        self._tail = b""
        while block := self._blocks.next():
            end = block.find(b"\n")
            if end >= 0:
                size += end
                self._position = start + size + 1
                yield Decoded((), (), self._position, [self._oversized(kept, start, size)])
                *lines, self._tail = block[end + 1 :].split(b"\n")
                yield from self._steps(lines)
                return
            size += len(block)
        if self._final:
            self._position = start + size
            yield Decoded((), (), self._position, [self._oversized(kept, start, size)])

    def _oversized(self, kept: bytes, position: int, size: int) -> Rejected:
        reason = f"a line of {size:,} bytes, longer than max_record_bytes = {self._limit:,}"
        return Rejected(kept[:KEPT_OF_OVERSIZED], reason, position, size)

    def _rejection(self, raw: bytes, reason: str, position: int, size: int) -> Decoded:
        return Decoded((), (), self._position, [Rejected(raw, reason, position, size)])
