"""The collector for files: a file, a folder of delivery files, or logs that grow."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import Field

from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Page, Stream, Window

HEAD = 64 * 1024
DIGEST = 6
MAX_FINISHED = 12_000
PAGE_FILES = 256
PAGE_BYTES = 64 * 1024 * 1024


class FileCollector:
    """Reads delivery files below a path, each once; with ``follow``, the complete lines that were added.

    One stream per folder that holds files. A finished file is recognised by its name, size and first 64 KB: a
    copy with another time stamp is not read again. A followed file is recognised by its inode and its first
    line, so that a rotated log is finished under its new name and the new file starts at its beginning.
    """

    class Config(PluginConfig):
        """Settings of ``core.file``."""

        path: Path
        """A file, or a folder whose files are read at any depth."""
        log_type: str
        """What the files hold."""
        pattern: str = "*"
        """File names that count, as a shell pattern."""
        follow: bool = False
        """Whether files grow by lines (not for compressed files)."""
        max_finished: int = Field(MAX_FINISHED, ge=1, le=MAX_FINISHED)
        """Files that one folder may hold; beyond it a person must tidy up."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl
    def check(self) -> None:
        """The path exists and can be read."""
        if not self.config.path.exists():
            raise NeedsOperator(f"{self.config.path} does not exist")

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream per folder, named by its path below the configured one."""
        self.check()
        root = self._root()
        folders = sorted({path.parent for path in self._files(root, deep=True)})
        return [Stream(_name(folder, root), self.config.log_type, windowed=False) for folder in folders]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, Any]) -> Iterator[Page]:
        """Pages of whole files in the order of their names, or of the lines added to each."""
        root = self._root()
        files = self._files(root / stream.name, deep=False)
        try:
            yield from self._follow(files, state) if self.config.follow else self._finish(files, state)
        except OSError as error:
            raise Retry(f"{error.filename or stream.name}: {error.strerror or error}") from error

    def _root(self) -> Path:
        path = self.config.path
        return path if path.is_dir() else path.parent

    def _files(self, folder: Path, deep: bool) -> list[Path]:
        if not self.config.path.is_dir():
            return [self.config.path]
        found = folder.rglob(self.config.pattern) if deep else folder.glob(self.config.pattern)
        return sorted(path for path in found if path.is_file() and not path.name.startswith("."))

    def _finish(self, files: Sequence[Path], state: Mapping[str, Any]) -> Iterator[Page]:
        """Every file once. The state is one text of short digests: 8 characters a file."""
        done = _split(str(state.get("finished", "")))
        if len(files) > self.config.max_finished:
            raise NeedsOperator(
                f"{files[0].parent} holds {len(files)} files, more than {self.config.max_finished}: "
                "move finished files away or use dated subfolders"
            )
        blobs: list[Blob] = []
        marks = list(done)
        size = 0
        for path in files:
            identity = _identity(path)
            if (mark := _digest(identity)) in done:
                continue
            blobs.append(Blob(origin=identity, name=str(path), open=_opener(path), context=_context(path)))
            marks.append(mark)
            size += path.stat().st_size
            if len(blobs) >= PAGE_FILES or size >= PAGE_BYTES:
                yield Page({"finished": "".join(marks)}, blobs=tuple(blobs), more=True)
                blobs, size = [], 0
        if blobs:
            yield Page({"finished": "".join(marks)}, blobs=tuple(blobs))

    def _follow(self, files: Sequence[Path], state: Mapping[str, Any]) -> Iterator[Page]:
        """Complete lines that were added since. The state maps a file's identity to the offset reached."""
        offsets: dict[str, int] = {key: int(value) for key, value in state.items()}
        for path in files:
            identity = _followed_identity(path)
            if identity is None:
                continue
            start = offsets.get(identity, 0)
            end = _last_line_end(path, start)
            if end <= start:
                continue
            offsets = {**offsets, identity: end}
            blob = Blob(identity, str(path), _opener(path, end), start, context=_context(path))
            yield Page(dict(offsets), blobs=(blob,))


def _name(folder: Path, root: Path) -> str:
    return folder.relative_to(root).as_posix()


def _identity(path: Path) -> str:
    """Path, size and head: what makes a file the same file."""
    with path.open("rb") as file:
        head = hashlib.sha256(file.read(HEAD)).hexdigest()[:16]
    return f"file:{path}:{path.stat().st_size}:{head}"


def _followed_identity(path: Path) -> str | None:
    """Device, inode and first line; ``None`` until the first line is complete."""
    with path.open("rb") as file:
        line = file.readline(HEAD)
    if not line.endswith(b"\n") and len(line) < HEAD:
        return None
    status = path.stat()
    return f"file:{status.st_dev}:{status.st_ino}:{hashlib.sha256(line).hexdigest()[:16]}"


def _context(path: Path) -> Mapping[str, Any]:
    """When the file was written: times without a year are dated by it."""
    return {"modified": datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()}


def _last_line_end(path: Path, start: int) -> int:
    """The offset behind the last complete line, found from the end in bounded reads."""
    with path.open("rb") as file:
        at = file.seek(0, io.SEEK_END)
        while at > start:
            step = min(HEAD, at - start)
            file.seek(at - step)
            if (found := file.read(step).rfind(b"\n")) >= 0:
                return at - step + found + 1
            at -= step
    return start


def _digest(identity: str) -> str:
    return base64.b64encode(hashlib.sha256(identity.encode()).digest()[:DIGEST]).decode()


def _split(text: str) -> dict[str, None]:
    """Digests in the order they were added (a dict keeps it)."""
    return dict.fromkeys(text[at : at + 8] for at in range(0, len(text), 8))


def _opener(path: Path, end: int | None = None) -> Any:
    def opened() -> BinaryIO:
        file = path.open("rb")
        return file if end is None else io.BufferedReader(_Upto(file, end))

    return opened


class _Upto(io.RawIOBase):
    """A file that ends at an offset: what is written behind it belongs to the next page."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file, self._end = file, end

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(max(0, min(len(buffer), self._end - self._file.tell())))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
