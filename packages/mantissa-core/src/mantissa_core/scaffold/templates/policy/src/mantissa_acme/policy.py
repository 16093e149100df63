"""The policy ``acme.gadget``: limits how fast each destination gets messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

from mantissa_core.errors import Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Delivery, Receipt
from pydantic import Field

_DAY = 86_400.0
_SLACK = 0.1
"""Seconds that a message may come before its turn: the outbox goes by another clock."""


class Gadget:
    """A guard around ``deliver``: a message beyond the limit raises ``Retry`` with the seconds to its turn."""

    class Config(PluginConfig):
        """Settings of ``acme.gadget``."""

        per_minute: float = Field(default=30, gt=0)
        """Messages that a destination gets per minute in the long run."""
        burst: int = Field(default=10, ge=1)
        """Messages that it gets at once after a silence."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = time.monotonic
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    @hookimpl(wrapper=True)
    def deliver(self, delivery: Delivery) -> Generator[None, Receipt, Receipt]:
        """Let the message pass when it is its turn."""
        seconds = self._wait(delivery)
        if seconds > 0:
            raise Retry(f"held back: at most {self.config.per_minute:g} messages a minute go there", after=seconds)
        return (yield)

    def _wait(self, delivery: Delivery) -> float:
        with self._lock:
            new = _Bucket(60 / self.config.per_minute, self.config.burst)
            bucket = self._buckets.setdefault(delivery.destination, new)
            return bucket.wait(delivery.key, self.clock())


class _Bucket:
    """A token bucket that gives turns: the runtime retries a few times only, so each message waits just once."""

    def __init__(self, interval: float, burst: int) -> None:
        self._interval, self._ahead = interval, interval * (burst - 1)
        self._full_at = 0.0  # when every token will be back
        self._turns: dict[str, float] = {}

    def wait(self, key: str, now: float) -> float:
        """Seconds until the message ``key`` may pass; 0 is now."""
        if key not in self._turns:
            self._turns = {key: turn for key, turn in self._turns.items() if turn > now - _DAY}
            self._turns[key] = max(now, self._full_at - self._ahead)
            self._full_at = max(now, self._full_at) + self._interval
        if self._turns[key] > now + _SLACK:
            return self._turns[key] - now
        del self._turns[key]
        return 0.0
