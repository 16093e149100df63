"""Reading datagrams in batches, and noticing what the system has dropped."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator

from mantissa_core.log import get_logger

from .connections import POLL
from .listen import plain_address

LARGEST = 65_536
BATCH = 2_000
BATCH_BYTES = 4 << 20
RXQ_OVFL = 40
"""``SO_RXQ_OVFL`` of Linux: each datagram brings the number of those that found the queue full (socket(7))."""


class Datagrams:
    """Reads ``opened`` until stopped. ``dropped`` counts what the system had no room for, where it tells."""

    def __init__(self, opened: socket.socket, buffer_bytes: int, allowed: Callable[[str], bool]) -> None:
        self._socket, self._allowed = opened, allowed
        self.dropped = 0
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        try:
            opened.setsockopt(socket.SOL_SOCKET, RXQ_OVFL, 1)
        except OSError:
            get_logger("push").info("this system does not count dropped datagrams")

    def batches(self, stop: threading.Event) -> Iterator[dict[str, list[bytes]]]:
        """What has come, by sender, each in its order. What is there when it is stopped comes last."""
        with self._socket:
            while True:
                stopping = stop.is_set()
                if batch := self._batch(0.0 if stopping else POLL):
                    yield batch
                if stopping:
                    return

    def _batch(self, wait: float) -> dict[str, list[bytes]]:
        """Wait for the first datagram and take those behind it that are there."""
        found: dict[str, list[bytes]] = {}
        count = size = 0
        self._socket.settimeout(wait)
        while count < BATCH and size < BATCH_BYTES:
            try:
                content, ancillary, _, (sender, *_) = self._socket.recvmsg(LARGEST, 64)
            except (TimeoutError, BlockingIOError):
                break
            self._socket.settimeout(0.0)
            self._count(ancillary)
            sender = plain_address(sender)
            if content and self._allowed(sender):
                found.setdefault(sender, []).append(content)
                count, size = count + 1, size + len(content)
        return found

    def _count(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == RXQ_OVFL and len(value) >= 4:
                dropped = struct.unpack_from("I", value)[0]
                if dropped > self.dropped:
                    get_logger("push").warning("datagrams dropped", count=dropped - self.dropped, in_all=dropped)
                self.dropped = dropped
