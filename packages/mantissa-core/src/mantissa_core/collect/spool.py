"""What a receiver was given and the lake does not have yet: appended to files and synced before the sender is answered.

.. code-block:: text

    <folder>/00000000000000000007.spool     entries: length, checksum (CRC-32),
                                            JSON [log type, [event, …], [[raw (base64), reason, position, size], …]]

An entry is whole or it was never answered for: a torn end, as a power cut leaves it, is cut off at the start. Bytes
that are no entries for another reason (a failing disk) are kept aside as ``<file>.damaged``. Files are deleted once
everything in them is committed. The reader's place (file and offset) is stored with the commit, so that nothing is
taken in twice.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from mantissa_core.errors import BadRecord, LakeError, NeedsOperator, Retry
from mantissa_core.log import get_logger
from mantissa_core.model import Pushed, Rejected

from .ingest import to_json

SUFFIX = ".spool"
SEGMENT = 32 << 20
"""Bytes after which a new file is begun."""
MOST_ENTRY = 64 << 20
"""Bytes of the largest entry: what a sender hands over at once."""
FULL = 30.0
"""Seconds that a sender is asked to wait where the spool is full."""
_HEAD = struct.Struct("<4sII")
_MAGIC = b"MSP1"


@dataclass(frozen=True, slots=True)
class Entry:
    """Records of one log type as JSON texts, and where the next entry begins. ``damaged`` ones have none."""

    log_type: str
    records: Sequence[bytes]
    segment: int
    end: int
    damaged: bool = False
    rejected: Sequence[Rejected] = ()


class _Body(msgspec.Struct, array_like=True, frozen=True):
    """What an entry holds. Entries of earlier versions end behind ``records``."""

    log_type: str
    records: list[msgspec.Raw]
    rejected: list[tuple[bytes, str, int, int]] = []


class Spool:
    """Entries in the order they came. Any thread may append; one reads. One process at a time holds the folder.

    ``limit`` is in bytes. ``after`` is the last file that was read: numbers rise, also where all files are gone.

    Raises:
        NeedsOperator: another process holds it, or it cannot be written.
    """

    def __init__(self, folder: Path, limit: int, *, after: int = 0) -> None:
        self._folder, self._limit = folder, limit
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._held = self._hold()
        except OSError as error:
            raise NeedsOperator(f"the spool {folder} cannot be written: {error.strerror or error}") from error
        self._repair()
        self._size = sum(path.stat().st_size for path in self._segments())
        self._number = max([after, *(_number(path) for path in self._segments())]) + 1
        self._file: IO[bytes] | None = None
        self.added = threading.Event()

    @property
    def size(self) -> int:
        """Bytes that wait on disk, those that are committed and not deleted yet included."""
        return self._size

    def append(self, log_type: str, records: Pushed) -> None:
        """Keep records; on return they survive a crash of the machine.

        Raises:
            Retry: the spool is full, the lake is behind. BadRecord: they are too large to be taken at once.
        """
        events = [_text(record) for record in records if not isinstance(record, Rejected)]
        rejected = [(each.raw, each.reason, each.position, each.size) for each in records if isinstance(each, Rejected)]
        body = msgspec.json.encode(_Body(log_type, events, rejected))
        if len(body) > MOST_ENTRY:
            raise BadRecord(f"{len(body):,} bytes at once, at most {MOST_ENTRY:,} are taken: send less at a time")
        entry = _HEAD.pack(_MAGIC, len(body), zlib.crc32(body)) + body
        with self._lock:
            if self._size + len(entry) > self._limit:
                raise Retry(f"the lake is behind: {self._size:,} bytes wait in {self._folder.name}", FULL)
            self._write(entry)
        self.added.set()

    def read(self, segment: int, offset: int) -> Iterator[Entry]:
        """The entries from a place on, up to what is there now."""
        for path in self._segments():
            number = _number(path)
            if number >= segment:
                yield from _entries(path, offset if number == segment else 0)

    def forget(self, segment: int, offset: int) -> None:
        """Delete the files that end before this place, and the one that ends there unless it is being written."""
        with self._lock:
            for path in self._segments():
                number, size = _number(path), path.stat().st_size
                if number > segment or (number == segment and offset < size):
                    continue
                if self._file is not None and number == self._number:
                    if self._size < SEGMENT // 2:
                        continue  # beginning a file for each entry would cost more than it frees
                    self._begin_next()
                path.unlink()
                self._size -= size

    def close(self) -> None:
        """Release the folder. Closing twice is harmless."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
            self._held.close()

    def _write(self, entry: bytes) -> None:
        file = self._open()
        start = file.tell()
        try:
            file.write(entry)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            self._undo(start)
            raise LakeError(f"the spool {self._folder} cannot be written: {error.strerror or error}") from error
        self._size += len(entry)
        if start + len(entry) >= SEGMENT:
            self._begin_next()

    def _undo(self, start: int) -> None:
        """What is half written was never answered for: the next entry must not stand behind it."""
        path = self._path(self._number)
        self._begin_next()
        os.truncate(path, start)

    def _open(self) -> IO[bytes]:
        if self._file is None:
            self._file = self._path(self._number).open("ab")
            _sync_folder(self._folder)
        return self._file

    def _begin_next(self) -> None:
        file, self._file = self._file, None
        self._number += 1
        if file is not None:
            file.close()

    def _repair(self) -> None:
        """Cut off what a crash left half written."""
        for path in self._segments():
            end = 0
            for entry in _entries(path, 0):
                end = entry.end
            if end < path.stat().st_size:
                _set_aside(path, end)
                os.truncate(path, end)

    def _hold(self) -> IO[bytes]:
        try:
            import fcntl
        except ImportError as error:
            raise NeedsOperator(f"{self._folder}: this system has no POSIX file locks, which a spool needs") from error
        held = (self._folder / "lock").open("wb")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.close()
            raise NeedsOperator(f"another process uses the spool {self._folder}: stop one of the two") from None
        return held

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{SUFFIX}"))

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:020}{SUFFIX}"


def _entries(path: Path, offset: int) -> Iterator[Entry]:
    """Whole entries from an offset on; one whose bytes have changed since is handed on as damaged."""
    with path.open("rb") as file:
        file.seek(offset)
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            magic, length, checksum = _HEAD.unpack(head)
            if magic != _MAGIC or length > MOST_ENTRY:
                return
            body = file.read(length)
            if len(body) < length:
                return
            if zlib.crc32(body) != checksum:
                yield Entry("", [body], _number(path), file.tell(), damaged=True)
                continue
            held = msgspec.json.decode(body, type=_Body)
            records, rejected = [bytes(each) for each in held.records], [Rejected(*each) for each in held.rejected]
            yield Entry(held.log_type, records, _number(path), file.tell(), rejected=rejected)


def _set_aside(path: Path, start: int) -> None:
    """Copy what stands behind the last whole entry, unless it is the beginning of an entry."""
    with path.open("rb") as file:
        file.seek(start)
        rest = file.read()
    if not (rest.startswith(_MAGIC) or _MAGIC.startswith(rest)):
        kept = path.with_name(f"{path.name}.damaged")
        kept.write_bytes(rest)
        get_logger("receive").error("spool damaged", file=path.name, kept_as=kept.name, bytes=len(rest))


def _text(record: Any) -> msgspec.Raw:
    """The record as JSON; what is none becomes a text, which becomes a dead letter."""
    try:
        text = to_json(record)
        msgspec.json.decode(text)
    except (BadRecord, msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        text = msgspec.json.encode(record.decode("utf-8", "replace") if isinstance(record, bytes) else str(record))
    return msgspec.Raw(text)


def _number(path: Path) -> int:
    return int(path.name.removesuffix(SUFFIX))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
