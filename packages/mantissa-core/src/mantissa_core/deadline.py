"""Calls that must end in time, on daemon threads that nobody waits for once they are late."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class DeadlineExceeded(Exception):
    """The call did not return in time. It may still be running; whatever it returns is discarded."""


class Workers:
    """A pool of daemon threads that grows with demand.

    A thread whose call came back in time is used again. One that is late is given up: it is a daemon, so it
    cannot keep the process alive, and it ends when its call does.
    """

    def __init__(self) -> None:
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()

    def call(self, function: Callable[[], T], seconds: float | None) -> T:
        """Return or raise what ``function`` does, or raise :class:`DeadlineExceeded` after ``seconds``."""
        worker = self._take()
        future = worker.submit(function)
        try:
            return future.result(timeout=seconds)
        except TimeoutError:
            if future.done():
                raise  # the call's own
            raise DeadlineExceeded(f"no answer within {seconds:g} s") from None
        finally:
            if future.done():
                self._idle.put(worker)
            else:
                worker.retire()

    def close(self) -> None:
        """Let the idle threads end."""
        while not self._idle.empty():
            self._take().retire()

    def _take(self) -> _Worker:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return _Worker()


class _Worker:
    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="mantissa-plugin", daemon=True).start()

    def submit(self, function: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._calls.put((future, function))
        return future

    def retire(self) -> None:
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            future, function = call
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001  # SystemExit too: a plugin may not end the process
                future.set_exception(error)
            del call, future, function  # an idle worker keeps nothing alive
