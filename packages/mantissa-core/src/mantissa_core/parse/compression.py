"""Compressed delivery files: gzip and Zstandard are recognised by their first bytes, whatever the name says."""

from __future__ import annotations

import io
import zlib
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, Protocol, cast

import zstandard

from mantissa_core.errors import BadRecord
from mantissa_core.model import Blob

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
_LONGEST_MAGIC = 4

_GZIP_INPUT = 1 << 16
_GZIP_OUTPUT = 1 << 20
_ZSTD_INPUT = 1 << 10
"""Small, because the output of one step has no other bound: 1 KB holds at most some 30 MB (RFC 8878, 3.1.1.2)."""
_ZSTD_WINDOW = 1 << 27


def open_blob(blob: Blob) -> Blob:
    """Return the same blob with an ``open`` that undoes gzip (all members) or Zstandard (all frames), if any.

    Where the compressed content ends early or is broken, the reader first gives all that could be read and then
    raises ``BadRecord``, which names the offset in the compressed file.
    """
    return replace(blob, open=lambda: _open(blob.open, blob.name))


class _Unit(Protocol):
    """One gzip member or Zstandard frame being decompressed."""

    ended: bool
    rest: bytes

    def feed(self, content: bytes) -> bytes:
        """Return output; input that was not used yet is kept in ``rest``."""


class _GzipMember:
    input_size = _GZIP_INPUT

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)
        self.ended, self.rest = False, b""

    def feed(self, content: bytes) -> bytes:
        output = self._stream.decompress(content, _GZIP_OUTPUT)
        self.ended = self._stream.eof
        self.rest = self._stream.unused_data if self.ended else self._stream.unconsumed_tail
        return output


class _ZstdFrame:
    input_size = _ZSTD_INPUT

    def __init__(self) -> None:
        self._stream = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
        self.ended, self.rest = False, b""

    def feed(self, content: bytes) -> bytes:
        output = self._stream.decompress(content[:_ZSTD_INPUT])
        self.ended = self._stream.eof
        self.rest = (self._stream.unused_data if self.ended else b"") + content[_ZSTD_INPUT:]
        return output


def _open(open_raw: Callable[[], BinaryIO], name: str) -> BinaryIO:
    raw = open_raw()
    try:
        magic = _read(raw, _LONGEST_MAGIC)
    except BadRecord as error:
        return cast(BinaryIO, _Unreadable(raw, error))
    if magic.startswith(GZIP):
        return cast(BinaryIO, _Decompressed(raw, magic, name, _GzipMember))
    if magic.startswith(ZSTD):
        return cast(BinaryIO, _Decompressed(raw, magic, name, _ZstdFrame))
    if raw.seekable():
        raw.seek(0)
        return raw
    return cast(BinaryIO, _Rewound(raw, magic))


def _read(raw: BinaryIO, size: int) -> bytes:
    content = b""
    while len(content) < size and (part := raw.read(size - len(content))):
        content += part
    return content


class _Buffered(io.RawIOBase):
    """A reader over steps of bytes. Its ``peek`` makes :meth:`readline` fast."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        self._raw = raw
        self._ready = b""

    def readable(self) -> bool:
        return True

    def peek(self, _size: int = 0) -> bytes:
        if not self._ready:
            self._ready = self._step()
        return self._ready

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: WriteableBuffer
        ready = self.peek()
        size = min(len(buffer), len(ready))
        buffer[:size] = ready[:size]
        self._ready = ready[size:]
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()

    @abstractmethod
    def _step(self) -> bytes:
        """Return more bytes, nothing at the end."""


class _Rewound(_Buffered):
    """A reader that cannot seek, with the bytes that were taken from it put back."""

    def __init__(self, raw: BinaryIO, taken: bytes) -> None:
        super().__init__(raw)
        self._ready = taken

    def _step(self) -> bytes:
        return self._raw.read(_GZIP_OUTPUT)


class _Unreadable(_Buffered):
    """A reader that has nothing to give but the reason: decoders expect it when they read, not when they open."""

    def __init__(self, raw: BinaryIO, reason: BadRecord) -> None:
        super().__init__(raw)
        self._reason = reason

    def _step(self) -> bytes:
        raise self._reason


class _Decompressed(_Buffered):
    def __init__(self, raw: BinaryIO, magic: bytes, name: str, unit: type[_GzipMember] | type[_ZstdFrame]) -> None:
        super().__init__(raw)
        self._new_unit = unit
        self._unit: _Unit | None = None
        self._input = magic
        self._consumed = 0
        self._name = name

    def _step(self) -> bytes:
        while True:
            exhausted = not self._refill()
            if self._unit is None:
                if not self._input.lstrip(b"\0"):  # gzip files may be padded with zeros
                    if exhausted:
                        return b""
                    continue
                self._unit = self._new_unit()
            elif exhausted and not self._input:
                raise self._damaged("ends in the middle")
            if output := self._feed(self._unit):
                return output

    def _refill(self) -> bool:
        if len(self._input) >= self._new_unit.input_size:
            return True
        part = self._raw.read(self._new_unit.input_size)
        self._input += part
        return bool(part)

    def _feed(self, unit: _Unit) -> bytes:
        before = len(self._input)
        try:
            output = unit.feed(self._input)
        except (zlib.error, zstandard.ZstdError) as error:
            raise self._damaged(f"is broken ({error})") from error
        self._input = unit.rest
        self._consumed += before - len(self._input)
        if unit.ended:
            self._unit = None
        return output

    def _damaged(self, how: str) -> BadRecord:
        return BadRecord(f"{self._name}: the compressed content {how} at byte {self._consumed:,} of the file")
