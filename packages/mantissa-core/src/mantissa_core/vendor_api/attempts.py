"""Trying again within one call: only what is safe, rarely, and for a second or two. The rest is the runtime's."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from mantissa_core.errors import Retry

from .budget import Budget

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PASSING = frozenset({502, 503})
_BROKEN = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
"""A connection that broke off. A refused one and a time-out are no hiccup: the runtime comes back later."""


@dataclass(slots=True)
class Attempts:
    """Up to ``limit`` attempts, with full jitter between them.

    The pause before attempt n is drawn from 0 to ``base * 2**n`` seconds; none begins later than ``longest`` seconds
    after the call. All calls of a client share a budget of
    repetitions, so that an outage is not answered with a storm.
    """

    limit: int = 3
    base: float = 0.2
    longest: float = 5.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    budget: Budget = field(default_factory=lambda: Budget(per_minute=10, burst=10))

    def run(self, send: Callable[[], httpx.Response], method: str) -> httpx.Response:
        """Call ``send`` until its answer is worth reading. Its last answer or ``Retry`` is handed on."""
        end = self.clock() + self.longest
        for number in range(self.limit - 1):
            try:
                response = send()
            except Retry as error:
                if not isinstance(error.__cause__, _BROKEN) or not self._again(method, end):
                    raise
            else:
                hiccup = response.status_code in _PASSING and "Retry-After" not in response.headers
                if not hiccup or not self._again(method, end):
                    return response
            self.sleep(random.uniform(0, self.base * 2**number))  # noqa: S311  # no secret depends on it
        return send()

    def _again(self, method: str, end: float) -> bool:
        return method in _SAFE and self.clock() < end and self.budget.take() == 0
