"""A scratch file in memory by which bytes reach DuckDB, which reads JSON from files only.

On Linux it has no name and vanishes with the process however that ends; elsewhere it is a temporary file.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterable
from itertools import chain, islice, repeat
from pathlib import Path

_PARTS_PER_WRITE = 1024
"""IOV_MAX on Linux and macOS."""


class Spool:
    """One file that is written and read again and again. ``path`` is where DuckDB opens it."""

    def __init__(self) -> None:
        if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
            self._descriptor = os.memfd_create("mantissa-parse")
            self.path = f"/proc/self/fd/{self._descriptor}"
            self._remove = weakref.finalize(self, _remove, self._descriptor, None)
        else:
            self._descriptor, self.path = tempfile.mkstemp(prefix="mantissa-parse-", suffix=".ndjson")
            self._remove = weakref.finalize(self, _remove, self._descriptor, self.path)

    def write_lines(self, lines: Iterable[bytes]) -> None:
        """Replace the content. Its memory is kept for the next one, which is then written twice as fast."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        written = 0
        parts = chain.from_iterable(zip(lines, repeat(b"\n")))
        while batch := list(islice(parts, _PARTS_PER_WRITE)):
            written += self._write(batch)
        os.ftruncate(self._descriptor, written)

    def _write(self, parts: list[bytes]) -> int:
        size = sum(map(len, parts))
        written = os.writev(self._descriptor, parts)
        rest = memoryview(b"".join(parts))[written:] if written < size else memoryview(b"")
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        return size

    def close(self) -> None:
        """Remove the file."""
        self._remove()


def _remove(descriptor: int, path: str | None) -> None:
    os.close(descriptor)
    if path is not None:
        Path(path).unlink(missing_ok=True)
