"""The collecting process of :mod:`.live_run`: an instance whose hours pass as fast as it is told.

It reads lines of JSON from standard input: first the settings, then ``{"now": …, "tidy": …}`` for each step of time.
Each step it answers with ``{"rss": bytes}`` once everything that was due has been read. It may be killed at any moment.

What waits in the product counts the seconds of ``time.monotonic``. That is replaced, before anything of the product is
imported, by a clock that jumps with each step.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path


class CompressedTime:
    """The time that was told last, and a monotonic clock that went on by as much."""

    def __init__(self) -> None:
        self._real = time.monotonic
        self._first = self._last = datetime.min.replace(tzinfo=UTC)

    def set(self, now: datetime) -> None:
        """Let time go on up to ``now``."""
        if self._first == datetime.min.replace(tzinfo=UTC):
            self._first = now
        self._last = now

    def now(self) -> datetime:
        """The time of day."""
        return self._last

    def monotonic(self) -> float:
        """Seconds: those that really passed, and those that were said to pass."""
        return self._real() + (self._last - self._first).total_seconds()


def main() -> None:
    """Serve until standard input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what is logged is no answer
    clock = CompressedTime()
    time.monotonic = clock.monotonic  # before the imports: defaults keep what they find
    settings = json.loads(sys.stdin.readline())

    from mantissa_core import Runtime, maintenance
    from mantissa_core.polling import AT_ONCE, Poller

    with Runtime.open(settings) as runtime, ThreadPoolExecutor(AT_ONCE) as pool:
        runtime.clock = clock.now
        turns, stop = threading.BoundedSemaphore(AT_ONCE), threading.Event()
        pollers = [Poller(runtime, label, turns, stop, lambda: None) for label in settings["collectors"]]
        for line in sys.stdin:
            told = json.loads(line)
            clock.set(datetime.fromisoformat(told["now"]))
            for waiting in [pool.submit(poller.step) for poller in pollers]:
                waiting.result()
            if told["tidy"]:
                maintenance.compact(runtime)
            print(json.dumps({"rss": _rss()}), file=answers, flush=True)


def _rss() -> int:
    """Bytes of memory that the process has now; where the system does not tell, the most that it ever had."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
