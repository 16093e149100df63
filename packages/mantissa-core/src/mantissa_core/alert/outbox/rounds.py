"""A thread for each destination that has something to do, at most so many at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

import structlog

from mantissa_core.errors import MantissaError

MOST = 16
"""Destinations that are worked on at once. One that hangs keeps its place until its deadline, and then opens its
circuit."""
SHORTEST, LONGEST = 1.0, 60.0
"""Seconds for which a destination rests after an error of ours (a full disk); they double."""

_log = structlog.get_logger(__name__)

Work = Callable[[str], tuple[int, bool]]
"""One look at a destination: how many messages were delivered, and whether there is more to do at once."""


@dataclass(eq=False, slots=True)
class _Run:
    """A destination's thread. ``again``: something new came while it was looking."""

    done: Future[int] = field(default_factory=Future)
    again: bool = False


@dataclass(slots=True)
class _Rest:
    """A destination that an error stopped."""

    failures: int
    reason: str
    until: float


class Rounds:
    """Runs ``work`` for destinations, each in a thread of its own, never twice at once for one."""

    def __init__(self, work: Work, most: int = MOST, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._work, self._clock = work, clock
        self._places = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._running: dict[str, _Run] = {}
        self._resting: dict[str, _Rest] = {}

    def start(self, labels: Iterable[str]) -> list[Future[int]]:
        """Let these be worked on. The futures are those of threads that were started: of one that runs already
        nothing is returned, it looks once more when it is done."""
        started = []
        for label in labels:
            with self._lock:
                if run := self._running.get(label):
                    run.again = True
                    continue
                run = self._running[label] = _Run()
            threading.Thread(target=self._run, args=(label, run), name=f"mantissa-deliver-{label}", daemon=True).start()
            started.append(run.done)
        return started

    def rested(self, labels: Iterable[str]) -> list[str]:
        """Those of the labels that no error stopped a moment ago."""
        now = self._clock()
        return [each for each in labels if each not in self._resting or self._resting[each].until <= now]

    def wait(self, timeout: float | None = None) -> None:
        """Return when nothing is worked on any more, or after so many seconds."""
        with self._lock:
            runs = [each.done for each in self._running.values()]
        for each in runs:
            each.exception(timeout)

    def _run(self, label: str, run: _Run) -> None:
        delivered = 0
        try:
            while True:
                with self._places:  # between two turns others may have it
                    count, more = self._work(label)
                delivered += count
                with self._lock:
                    if not (more or run.again):
                        del self._running[label]
                        self._resting.pop(label, None)
                        break
                    run.again = False
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is told to who waits for it
            with self._lock:
                del self._running[label]
                self._rest(label, error)
            run.done.set_exception(error)
        else:
            run.done.set_result(delivered)

    def _rest(self, label: str, error: BaseException) -> None:
        before, reason = self._resting.get(label), f"{type(error).__name__}: {error}"
        failures = before.failures + 1 if before else 1
        if before is None or before.reason != reason:
            details = {} if isinstance(error, MantissaError) else {"exc_info": error}
            _log.error("deliveries stopped for a while", destination=label, reason=reason, **details)
        pause = min(LONGEST, SHORTEST * 2.0 ** min(failures - 1, 10))
        self._resting[label] = _Rest(failures, reason, self._clock() + pause)
