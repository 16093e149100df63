"""A file that others replace while we run: read again once it has changed, and never lost to a broken version."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from mantissa_core.errors import NeedsOperator, Retry

PATIENCE = 1.5
"""Seconds that a call waits for the first version: an alert waits for two."""

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class WatchedFile(Generic[T]):
    """What a file says, as ``read`` understands it.

    A change is seen by the file's inode, size and times, at each :meth:`content`, and is read beside the work, which
    goes on with the version before. One that ``read`` refuses (``NeedsOperator``, ``OSError``, ``ValueError``) is told
    once in the log and at each :meth:`check`; the version before stays.
    """

    def __init__(self, path: Path, read: Callable[[Path], T]) -> None:
        self.path = path
        self._read = read
        self._content: T | None = None
        self._seen: tuple[int, ...] = ()
        self._problem = ""
        self._lock = threading.Lock()

    def content(self) -> T:
        """The version that counts now; the first is waited for, but not for long.

        Raises:
            NeedsOperator: no version could be read yet.
            Retry: the first version is still being read.
        """
        if self._signature() != self._seen and self._lock.acquire(blocking=False):
            threading.Thread(target=self._beside, name=f"mantissa-read-{self.path.name}", daemon=True).start()
        if self._content is None:
            if not self._lock.acquire(timeout=PATIENCE):
                raise Retry(f"{self.path} is still being read")
            self._lock.release()
        if self._content is None:
            raise NeedsOperator(self._problem)
        return self._content

    def check(self) -> T:
        """Read what has changed, and return it.

        Raises:
            NeedsOperator: the present version cannot be read, whether or not there is one before.
        """
        with self._lock:
            self._refresh()
            if self._problem or self._content is None:
                raise NeedsOperator(self._problem)
            return self._content

    def _beside(self) -> None:
        """Read, with the lock that :meth:`content` took."""
        try:
            self._refresh()
        finally:
            self._lock.release()

    def _refresh(self) -> None:
        seen = self._signature()
        if seen == self._seen:
            return
        try:
            self._content, self._problem = self._read(self.path), ""
        except (NeedsOperator, OSError, ValueError) as error:
            reason = error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)
            kept = "" if self._content is None else "; the version before stays in use"
            self._problem = f"{self.path}: {reason}{kept}"
            _log.error("file cannot be used", path=str(self.path), reason=reason, kept=bool(kept))
        self._seen = seen

    def _signature(self) -> tuple[int, ...]:
        """What changes with the file; of one that is not there, its absence."""
        try:
            status = self.path.stat()
        except OSError as error:
            return (error.errno or -1,)
        return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns  # the last tells of permissions
