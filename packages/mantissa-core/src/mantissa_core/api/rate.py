"""How often a caller may call."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from .problem import Problem

CALLERS = 10_000
"""Callers that are remembered; of more, those who did not call for longest are forgotten."""


class Rate:
    """A bucket of tokens for each caller: ``per_minute`` at once, refilled evenly."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Count one request.

        Raises:
            Problem: 429, too many; ``Retry-After`` says when the next may come.
        """
        now, per_second = self._clock(), self._per_minute / 60
        with self._lock:
            left, at = self._buckets.pop(caller, (float(self._per_minute), now))
            left = min(self._per_minute, left + (now - at) * per_second)
            allowed = left >= 1
            self._buckets[caller] = (left - 1 if allowed else left, now)
            if len(self._buckets) > CALLERS:
                self._buckets.popitem(last=False)
        if not allowed:
            wait = str(int((1 - left) / per_second) + 1)
            raise Problem(
                429, f"more than {self._per_minute} requests in a minute", remedy=f"wait {wait} s",
                headers={"Retry-After": wait},
            )  # fmt: skip
