"""Answers about single values, kept for a while: alerts share values, and every question counts against a quota."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

SECONDS = 3600.0
"""How long an answer counts."""
MOST = 10_000
"""Answers that are kept; beyond that the oldest go."""


class Remembered(Generic[T]):
    """A function of a text whose answers are kept. Errors are not; threads may share it.

    So an alert with three addresses whose third question fails costs one question when it is asked about again.
    """

    def __init__(self, ask: Callable[[str], T], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._known: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, value: str) -> T:
        """The answer, from memory where it is there and fresh."""
        with self._lock:
            known = self._known.get(value)
        if known is not None and known[0] > self._clock():
            return known[1]
        answer = self._ask(value)
        with self._lock:
            self._known[value] = self._clock() + SECONDS, answer
            self._known.move_to_end(value)
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return answer
