"""A delivery file that cannot be had: what stands for it in a page, so that it becomes a dead letter."""

from __future__ import annotations

import io
from typing import BinaryIO, cast

from mantissa_core.errors import BadRecord
from mantissa_core.model import Blob


def unreadable(origin: str, name: str, reason: str) -> Blob:
    """A blob whose reader raises ``BadRecord`` with ``reason``, as that of a damaged file does."""
    return Blob(origin, name, lambda: cast(BinaryIO, _Unreadable(reason)))


class _Unreadable(io.RawIOBase):
    def __init__(self, reason: str) -> None:
        super().__init__()
        self._reason = reason

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: object) -> int:
        raise BadRecord(self._reason)
