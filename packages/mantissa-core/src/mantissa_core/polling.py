"""One source in ``mantissa run``: its streams in turn, each at its own pace, none in the way of another.

A stream that is throttled waits for as long as the source asks; one that a person must look after is tried again
after growing pauses, and at once where a secret that its settings refer to was changed. Its plugin is then started
anew, with the new value.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .collect import Budget, Ingested
from .collect.schedule import Schedule
from .errors import MantissaError
from .hookspecs import Collector
from .log import get_logger
from .model import Stream

if TYPE_CHECKING:
    from .runtime import Runtime

AT_ONCE = 4
"""Sources that are read at the same time; the others wait for their turn."""
DEFAULT_EVERY = 300.0
"""Seconds between two collections of a collector that was added by a program, not configured."""
GLANCE = 30.0
"""Seconds between two looks at whether what a source failed for has changed."""
LISTING = ""
"""Stands for the question which streams there are."""


class Poller:
    """The turns of one source. ``turns`` bounds how many sources are read at once, ``pauses`` scales every wait."""

    def __init__(
        self,
        runtime: Runtime,
        label: str,
        turns: threading.Semaphore,
        stop: threading.Event,
        stored: Callable[[], None],
        *,
        pauses: float = 1.0,
    ) -> None:
        section = runtime.settings.collectors.get(label)
        self._runtime, self._label, self._turns, self._stop, self._stored = runtime, label, turns, stop, stored
        self._every = section.every if section else DEFAULT_EVERY
        self._budget = Budget(section.max_pages, section.max_seconds) if section else Budget()
        self._schedule = Schedule(self._every, lambda: time.monotonic() / pauses)
        self._streams: list[Stream] = []
        self._secrets = runtime.secret_versions(Collector, label)
        self._log = get_logger("service")

    def step(self) -> float:
        """Read every stream whose turn it is; return the seconds until the next turn."""
        if self._schedule.failing:
            self._start_anew()
        with self._turns:
            self._list()
            for stream in self._schedule.due(self._streams):
                if self._stop.is_set():
                    break
                self._read(stream)
        return self._schedule.wait(GLANCE if self._schedule.failing else self._every)

    def _list(self) -> None:
        """Ask which streams there are, as often as they are read: a source may grow one."""
        listing = Stream(LISTING, "")
        if not self._schedule.due([listing]):
            return
        try:
            self._streams = list(self._runtime.streams(self._label))
        except MantissaError as error:
            self._failed(LISTING, error)
        else:
            self._schedule.keep([LISTING, *(stream.name for stream in self._streams)])
            self._recovered(LISTING, more=False)

    def _read(self, stream: Stream) -> None:
        total, more = Ingested(), False
        try:
            for collected in self._runtime.collect_stream(self._label, stream, self._stop.is_set, self._budget):
                total += collected.ingested
                more = collected.more
                if collected.ingested.rows:
                    self._stored()
        except MantissaError as error:
            self._failed(stream.name, error)
        else:
            self._recovered(stream.name, more=more)
        if total.rows:
            self._log.info("collected", label=self._label, stream=stream.name, rows=total.rows)

    def _failed(self, name: str, error: MantissaError) -> None:
        pause, news = self._schedule.failed(name, error)
        if news:
            self._log.error("loop failed", loop=self._loop(name), reason=str(error), again_in=round(pause, 1))

    def _recovered(self, name: str, *, more: bool) -> None:
        if failures := self._schedule.succeeded(name, more=more):
            self._log.info("loop recovered", loop=self._loop(name), failures=failures)

    def _loop(self, name: str) -> str:
        return f"collect/{self._label}/{name}".rstrip("/")

    def _start_anew(self) -> None:
        """Where a secret of the source has changed, its plugin gets the new one, and what failed its turn."""
        versions = self._runtime.secret_versions(Collector, self._label)
        if versions != self._secrets:
            self._secrets = versions
            self._runtime.restart(Collector, self._label)
            self._schedule.retry_now()
