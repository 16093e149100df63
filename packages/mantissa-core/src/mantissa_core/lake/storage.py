"""Bytes under names: a local folder or an S3 bucket behind one small interface.

Names are relative, with ``/``. What :meth:`Storage.put` and :meth:`Storage.put_parquet` return from is durable.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from mantissa_core.errors import LakeError

READ_ONLY = 0o444
"""Data files never change: an engine that could be talked into writing to one finds that it may not."""


@dataclass(frozen=True)
class Entry:
    """A stored file: its name, size in bytes and time of last change."""

    name: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class Storage:
    """A root and the file system that it lies on. ``root`` is an absolute path, or ``bucket/prefix``."""

    root: str
    filesystem: pafs.FileSystem
    options: Mapping[str, str] = field(repr=False)  # they may hold credentials
    scheme: str = ""

    @classmethod
    def open(cls, url: str | Path, options: Mapping[str, str]) -> Storage:
        """Reach ``url``: a path, ``file://…`` or ``s3://bucket/prefix``. ``LakeError`` for any other scheme."""
        parts = urlsplit(str(url))
        if isinstance(url, Path) or parts.scheme in ("", "file"):
            path = Path(unquote(parts.path) if parts.scheme == "file" else url)
            return cls(str(path.absolute()), pafs.LocalFileSystem(), {})
        if parts.scheme == "s3":
            root = f"{parts.netloc}{parts.path}".rstrip("/")
            return cls(root, _s3(options), {"aws_conditional_put": "etag", **options}, "s3")
        raise LakeError(f"lake {url}: a lake is a folder or s3://bucket/prefix, not {parts.scheme}://")

    @property
    def local(self) -> bool:
        """Whether engines can open its files as paths."""
        return not self.scheme

    def path(self, name: str) -> str:
        """Return what the file system calls ``name``."""
        return f"{self.root}/{name}" if name else self.root

    def url(self, name: str = "") -> str:
        """Return an absolute path, or a URL where the storage is remote."""
        return self.path(name) if self.local else f"{self.scheme}://{self.path(name)}"

    def get(self, name: str) -> bytes:
        """Read a file; ``FileNotFoundError`` where there is none."""
        with self.filesystem.open_input_stream(self.path(name), compression=None) as stream:
            return bytes(stream.read())

    def open_input(self, name: str) -> pa.NativeFile:
        """Open a file for reading at any position; ``FileNotFoundError`` where there is none."""
        return self.filesystem.open_input_file(self.path(name))

    def put(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all, over an older one of that name."""
        if not self.local:
            with self.filesystem.open_output_stream(self.path(name), compression=None) as stream:
                stream.write(content)
            return
        path = Path(self.path(name))
        _make_folder(path.parent)
        draft = path.with_name(f".mantissa-{secrets.token_hex(8)}")
        try:
            draft.write_bytes(content)
            _sync(draft)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync(path.parent)

    def put_parquet(self, name: str, rows: pa.Table, options: Mapping[str, Any]) -> int:
        """Write ``rows`` as a new read-only Parquet file and return its size; nothing stays where that fails."""
        if not self.local:
            sink = pa.BufferOutputStream()
            pq.write_table(rows, sink, **options)
            content = sink.getvalue()
            with self.filesystem.open_output_stream(self.path(name), compression=None) as stream:
                stream.write(content)
            return int(content.size)
        path = Path(self.path(name))
        _make_folder(path.parent)
        try:
            pq.write_table(rows, str(path), **options)
            path.chmod(READ_ONLY)
            _sync(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        _sync(path.parent)
        return path.stat().st_size

    def delete(self, name: str) -> None:
        """Delete a file; one that is not there is fine."""
        with suppress(FileNotFoundError):
            self.filesystem.delete_file(self.path(name))

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return bool(self.filesystem.get_file_info(self.path(name)).type == pafs.FileType.File)

    def files(self, folder: str = "") -> Iterator[Entry]:
        """Yield every file below ``folder``, in the order of names."""
        found = self.filesystem.get_file_info(
            pafs.FileSelector(self.path(folder), allow_not_found=True, recursive=True)
        )
        for info in sorted(found, key=lambda info: str(info.path)):
            if info.type == pafs.FileType.File:
                modified = datetime.fromtimestamp((info.mtime_ns or 0) / 1e9, UTC)
                yield Entry(str(info.path)[len(self.root) + 1 :], int(info.size), modified)

    def names(self, folder: str = "") -> list[str]:
        """Return the names of what lies directly in ``folder``, sorted; none where it does not exist."""
        found = self.filesystem.get_file_info(pafs.FileSelector(self.path(folder), allow_not_found=True))
        return sorted(str(info.base_name) for info in found if info.base_name)


def _s3(options: Mapping[str, str]) -> pafs.FileSystem:
    endpoint = options.get("AWS_ENDPOINT_URL", "")
    plain = endpoint.startswith("http://") and options.get("AWS_ALLOW_HTTP", "").lower() == "true"
    return pafs.S3FileSystem(
        access_key=options.get("AWS_ACCESS_KEY_ID"),
        secret_key=options.get("AWS_SECRET_ACCESS_KEY"),
        session_token=options.get("AWS_SESSION_TOKEN"),
        region=options.get("AWS_REGION"),
        endpoint_override=urlsplit(endpoint).netloc or None,
        scheme="http" if plain else "https",
    )


def _make_folder(folder: Path) -> None:
    """Make ``folder`` and the missing ones above it, each durable in its parent."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
