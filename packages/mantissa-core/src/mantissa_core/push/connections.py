"""Accepting connections: each on a thread of its own, so many at a time, each with an end in time."""

from __future__ import annotations

import io
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mantissa_core.log import get_logger

from .listen import plain_address

POLL = 0.1
"""Seconds within which a stop is noticed."""
GRACE = 2.0
"""Seconds that a stop leaves to what is in hand."""


class Connection(io.RawIOBase):
    """A sender's connection. Reading and writing end with ``TimeoutError`` once the time of :meth:`within` is over.

    ``idle`` says that nothing is in hand: a stop may end it at once. ``crowded()`` tells whether others wait for a
    connection like this one to end.
    """

    def __init__(self, opened: socket.socket, sender: str, crowded: Callable[[], bool]) -> None:
        self._socket, self.sender, self.crowded = opened, sender, crowded
        self._until = 0.0
        self.idle = False

    def within(self, seconds: float) -> None:
        """Allow so much time, from now on, for whatever follows."""
        self._until = time.monotonic() + seconds

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from here on."""
        self._socket.settimeout(self._left())
        self._socket = context.wrap_socket(self._socket, server_side=True)

    def readable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, at least a byte; nothing once the sender has ended."""
        self._socket.settimeout(self._left())
        return self._socket.recv_into(buffer)

    def write(self, content: Any) -> int:
        """Send all of it."""
        self._socket.settimeout(self._left())
        self._socket.sendall(content)
        return len(content)

    def end(self) -> None:
        """Let whoever waits for this connection find its end."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has ended already

    def end_writing(self) -> None:
        """Tell the sender that no more will come; TLS has no such half."""
        if not isinstance(self._socket, ssl.SSLSocket):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Release it. Closing twice is harmless."""
        if not self.closed:
            if isinstance(self._socket, ssl.SSLSocket):
                self._end_tls(self._socket)
            self._socket.close()
        super().close()

    def _end_tls(self, opened: ssl.SSLSocket) -> None:
        """Say the end as TLS wants it; a sender that is gone does not hear it."""
        opened.settimeout(POLL)
        with suppress(OSError, ValueError):
            opened.unwrap()

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this connection is over")
        return left


def place(error: Exception) -> str:
    """Where it was raised. The message and the traceback's locals may hold what a sender sent, its credential too."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"


class Connections:
    """Accepts from ``listener`` until stopped, at most ``limit`` at once: more wait in the system's queue.

    ``handle`` works on a connection and may raise ``OSError`` (``TimeoutError`` is one) where it breaks.
    ``allowed`` says which addresses are let in.
    """

    def __init__(
        self,
        listener: socket.socket,
        handle: Callable[[Connection], None],
        *,
        limit: int,
        timeout: float,
        tls: ssl.SSLContext | None = None,
        allowed: Callable[[str], bool] = lambda _address: True,
    ) -> None:
        self._listener, self._handle = listener, handle
        self._limit, self._timeout, self._tls, self._allowed = limit, timeout, tls, allowed
        self._slots = threading.BoundedSemaphore(limit)
        self._open: set[Connection] = set()
        self._lock = threading.Lock()

    def serve(self, stop: threading.Event) -> None:
        """Accept until ``stop`` is set; on return every connection has ended."""
        self._listener.settimeout(POLL)
        with self._listener:
            while not stop.is_set():
                if self._slots.acquire(timeout=POLL) and not self._accept():
                    self._slots.release()
        self._end()

    def _accept(self) -> bool:
        try:
            opened, (sender, *_) = self._listener.accept()
        except TimeoutError:
            return False
        except OSError as error:  # such as too many open files: the next may go
            get_logger("push").warning("connection not accepted", reason=str(error))
            time.sleep(POLL)
            return False
        sender = plain_address(sender)
        if not self._allowed(sender):
            opened.close()
            return False
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(opened, sender, lambda: len(self._open) >= self._limit)
        with self._lock:
            self._open.add(connection)
        threading.Thread(target=self._run, args=(connection,), name="mantissa-push", daemon=True).start()
        return True

    def _run(self, connection: Connection) -> None:
        try:
            connection.within(self._timeout)
            if self._tls is not None:
                connection.secure(self._tls)
            self._handle(connection)
        except OSError as error:
            get_logger("push").debug("connection ended", sender=connection.sender, reason=str(error))
        except Exception as error:  # noqa: BLE001  # a bug costs this connection, not the others
            log = get_logger("push")
            log.error("connection failed", sender=connection.sender, reason=type(error).__name__, at=place(error))
        finally:
            connection.close()
            with self._lock:
                self._open.discard(connection)
            self._slots.release()

    def _end(self) -> None:
        """Idle connections at once, the others when they are done or the grace is over."""
        until = time.monotonic() + GRACE
        while waiting := self._still_open():
            over = time.monotonic() >= until
            for connection in waiting:
                if over or connection.idle:
                    connection.end()
            if over and time.monotonic() >= until + GRACE:
                get_logger("push").warning("connections left behind", count=len(waiting))
                return
            time.sleep(POLL / 10)

    def _still_open(self) -> list[Connection]:
        with self._lock:
            return list(self._open)
