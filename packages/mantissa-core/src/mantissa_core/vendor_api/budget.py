"""How many requests a credential may make: a token bucket that all streams of a process share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from weakref import WeakValueDictionary


class Budget:
    """A bucket of ``burst`` requests, refilled at ``per_minute``. Safe for threads. ``clock`` counts seconds."""

    def __init__(self, per_minute: float, burst: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        if per_minute <= 0 or burst < 1:
            raise ValueError("a budget needs a rate above 0 and a burst of at least 1")
        self._rate, self._burst, self._clock = per_minute / 60, float(burst), clock
        self._level, self._at, self._paused_until = float(burst), clock(), 0.0
        self._lock = threading.Lock()

    def take(self) -> float:
        """Take one request and return 0, or take nothing and return the seconds until there is one."""
        with self._lock:
            now = self._clock()
            self._level = min(self._level + (now - self._at) * self._rate, self._burst)
            self._at = now
            if now < self._paused_until:
                return self._paused_until - now
            if self._level < 1:
                return (1 - self._level) / self._rate
            self._level -= 1
            return 0.0

    def pause(self, seconds: float) -> None:
        """Give nothing for so long: the vendor said so to one of those who share."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    @property
    def paused(self) -> bool:
        """Whether the vendor's pause, and not the rate, is what stops requests."""
        with self._lock:
            return self._clock() < self._paused_until

    def slow_to(self, per_minute: float, burst: int) -> None:
        """Keep to the stricter of two opinions about one credential."""
        with self._lock:
            self._rate, self._burst = min(self._rate, per_minute / 60), min(self._burst, float(burst))


_shared: WeakValueDictionary[str, Budget] = WeakValueDictionary()
_lock = threading.Lock()


def shared(key: str, per_minute: float, burst: int = 1) -> Budget:
    """The budget of ``key``, the same for everyone in this process as long as somebody holds it."""
    with _lock:
        budget = _shared.get(key)
        if budget is None:
            budget = _shared[key] = Budget(per_minute, burst)
        else:
            budget.slow_to(per_minute, burst)
        return budget


def forget_shared() -> None:
    """Begin as a new process does: who asks now gets a full budget. For tests."""
    with _lock:
        _shared.clear()
