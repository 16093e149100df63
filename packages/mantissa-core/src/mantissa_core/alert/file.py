"""The alert sink ``core.file``: one JSON object per line, each message exactly once."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mantissa_core.errors import MantissaError, NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.alert import Delivery, Receipt

from .codec import alert_to_json

_TAIL = 4 * 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EAGAIN})


class File:
    """Appends to an NDJSON file, durable on return.

    A line is ``{"key": …, "event": …, "alert": {…}}``. Before it writes, it looks for the key in the last 4 MB, so
    that a message repeated after a crash is not there twice; a line cut short by a crash is removed.
    """

    local = True

    class Config(PluginConfig):
        """Where to write."""

        path: Path
        """The file; it is created where it is missing, readable by its owner only. Its folder must exist."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._one_at_a_time = threading.Lock()

    @hookimpl
    def check(self) -> None:
        """Open the file for appending, without writing."""
        with self._opened():
            pass

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Append the message, unless it is there already."""
        start = b'{"key": ' + json.dumps(delivery.key).encode()
        line = json.dumps({"key": delivery.key, "event": delivery.event, "alert": alert_to_json(delivery.alert)})
        with self._one_at_a_time, self._opened() as file:
            end = _mended(file)
            tail = os.pread(file, _TAIL, max(end - _TAIL, 0))
            if not (tail.startswith(start) or b"\n" + start in tail):
                _append(file, end, line.encode() + b"\n")
        return Receipt(f"{self.config.path.name}:{delivery.key}")

    @contextmanager
    def _opened(self) -> Iterator[int]:
        path = self.config.path
        new = not path.exists()
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _lock(file)
                if new:
                    _sync_folder(path.parent)
                yield file
            finally:
                os.close(file)
        except OSError as error:
            raise _explained(error, path) from error


def _explained(error: OSError, path: Path) -> MantissaError:
    if error.errno in _FULL:
        return Retry(f"{path}: {error.strerror}")
    return NeedsOperator(f"{path}: {error.strerror}: choose a file in a folder that exists and may be written")


def _mended(file: int) -> int:
    """Finish or remove a last line without its end, and return the size of the file then."""
    size = os.fstat(file).st_size
    start = max(size - _TAIL, 0)
    tail = os.pread(file, _TAIL, start)
    if not tail or tail.endswith(b"\n"):
        return size
    begin = tail.rfind(b"\n") + 1
    if _is_json(tail[begin:]):
        return _append(file, size, b"\n")
    os.ftruncate(file, start + begin)
    return start + begin


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _append(file: int, end: int, data: bytes) -> int:
    """Write at the end and wait for the disk; where that fails, leave the file as it was."""
    try:
        done = 0
        while done < len(data):
            done += os.pwrite(file, data[done:], end + done)
        os.fsync(file)
    except OSError:
        os.ftruncate(file, end)
        raise
    return end + len(data)


def _lock(file: int) -> None:
    """One writer at a time, also across processes; the lock goes with the descriptor."""
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable: fsync of a file does not cover its folder's entry."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
