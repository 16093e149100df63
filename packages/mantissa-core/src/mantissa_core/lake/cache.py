"""Local copies of a remote lake's data files, so that engines need no extension to read them.

Data files never change and never share a name, so a copy is never stale. Processes may share the folder.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .storage import READ_ONLY, Storage

IN_USE = 600.0
"""Seconds after its last use during which a copy is not evicted: a query may be about to open it."""

_CHUNK = 8 * 2**20


@dataclass(frozen=True)
class Cache:
    """A folder of copies that keeps below ``limit`` bytes, except for copies in use."""

    folder: Path
    limit: int = 20 * 2**30

    def fetch(self, storage: Storage, name: str) -> Path:
        """Return the local copy of ``name``, downloading it first where there is none."""
        copy = self.folder / name
        try:
            os.utime(copy)
        except FileNotFoundError:
            self._download(storage, name, copy)
            self._evict()
        return copy

    def _download(self, storage: Storage, name: str, copy: Path) -> None:
        copy.parent.mkdir(parents=True, exist_ok=True)
        draft = copy.with_name(f".{copy.name}-{secrets.token_hex(8)}")
        try:
            with storage.open_input(name) as source, draft.open("wb") as sink:
                while chunk := source.read(_CHUNK):
                    sink.write(chunk)
            draft.chmod(READ_ONLY)
            draft.replace(copy)
        finally:
            draft.unlink(missing_ok=True)

    def _evict(self) -> None:
        """Delete the copies used longest ago until the rest fits."""
        copies = []
        for path in self.folder.rglob("*.parquet"):
            with suppress(FileNotFoundError):  # another process evicts too
                status = path.stat()
                copies.append((status.st_mtime, status.st_size, path))
        surplus = sum(size for _, size, _ in copies) - self.limit
        for used, size, path in sorted(copies):
            if surplus <= 0 or used > time.time() - IN_USE:
                return
            path.unlink(missing_ok=True)
            surplus -= size
