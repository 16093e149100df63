"""Replacing a small file whole, and keeping other processes out meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp

from mantissa_core.errors import NeedsOperator, Retry

LOCK_SECONDS = 20.0
"""How long a call waits for another process before it gives up."""


def replace(path: Path, content: bytes, *, keep_access: bool = False) -> None:
    """Make ``content`` the file's content, readable by its owner alone; after a crash it is the old or the new.

    A symbolic link stays and its target is replaced. With ``keep_access`` an existing file keeps mode and owner.

    Raises:
        PermissionError: this account may not give the file its owner and group.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")  # created with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            if keep_access and path.exists():
                _copy_access(path, handle)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _copy_access(path: Path, handle: int) -> None:
    as_it_was, now = path.stat(), os.fstat(handle)
    if (as_it_was.st_uid, as_it_was.st_gid) != (now.st_uid, now.st_gid):
        os.fchown(handle, as_it_was.st_uid, as_it_was.st_gid)
    os.fchmod(handle, as_it_was.st_mode & 0o7777)


def _sync_folder(folder: Path) -> None:
    """Put the new name on disk: syncing a file does not sync the folder that lists it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every other thread and process out that locks ``path`` too.

    The lock is on ``.<name>.lock`` beside it, which stays: ``path`` itself is replaced, and a lock goes with its inode.

    Raises:
        Retry: somebody else held it all the time.
        NeedsOperator: this system has no POSIX file locks.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(handle, path)
        yield
    finally:
        os.close(handle)  # which also unlocks


def _acquire(handle: int, path: Path) -> None:
    try:
        import fcntl
    except ImportError as error:
        raise NeedsOperator(f"{path}: this system has no POSIX file locks: use another store") from error
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Retry(f"{path}: another process has kept it locked for {LOCK_SECONDS:g} s") from None
            time.sleep(0.005)
