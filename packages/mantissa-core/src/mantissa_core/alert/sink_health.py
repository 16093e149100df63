"""What is known of a destination's health: evaluated every five minutes over 24 hours, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mantissa_core.state.documents import State

from . import keys
from .codec import time_from_json, time_to_json
from .fold import cut
from .health import Failure, Grade
from .outbox import Outbox
from .outbox.circuit import CircuitState

EVERY = 300.0
"""Seconds between two evaluations."""


@dataclass(frozen=True, slots=True)
class Test:
    """A test message: when, whether it arrived, and what the destination said."""

    __test__ = False  # no test case, whatever pytest thinks of the name

    at: datetime
    success: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SinkHealth:
    """One destination. The counts are attempts of the last 24 hours, ``success_rate`` is from 0 to 1.

    ``failures`` are the last ten with their reasons, newest first. ``circuit`` is ``open`` while nothing is sent there;
    ``down_since`` and ``error`` say more. ``oldest_waiting`` is when the alert was made that waits longest.
    """

    destination: str
    evaluated: datetime
    grade: Grade
    success_rate: float | None
    total_attempts: int
    successful: int
    failed: int
    last_success: datetime | None
    last_test: Test | None
    failures: tuple[Failure, ...]
    circuit: CircuitState
    down_since: datetime | None
    error: str
    oldest_waiting: datetime | None


class SinkHealths:
    """Evaluates destinations from the state store alone: nobody is asked."""

    def __init__(self, state: State, outbox: Outbox) -> None:
        self._state, self._outbox = state, outbox

    def evaluate(self, destination: str, now: datetime) -> SinkHealth:
        """The destination as it is now."""
        counts, circuit = self._outbox.health(destination), self._outbox.circuit(destination)
        kept, oldest = self._kept(destination), self._outbox.oldest(destination)
        test = kept.get("last_test")
        before = time_from_json(kept["last_success"]) if kept.get("last_success") else None
        return SinkHealth(
            destination,
            now,
            counts.grade,
            counts.success_rate,
            counts.attempts,
            counts.delivered,
            counts.failed,
            counts.last_success or before,
            Test(time_from_json(test["at"]), test["success"], test["detail"]) if test else None,
            counts.failures,
            circuit.state,
            circuit.opened,
            circuit.error,
            time_from_json(oldest.value["alert"]["created"]) if oldest else None,
        )

    def store(self, destination: str, now: datetime) -> SinkHealth:
        """Evaluate the destination and keep the result."""
        found = self.evaluate(destination, now)
        facts = {
            "evaluated": time_to_json(now),
            "grade": found.grade,
            "success_rate": found.success_rate,
            "total_attempts": found.total_attempts,
            "successful": found.successful,
            "failed": found.failed,
            "last_success": time_to_json(found.last_success) if found.last_success else None,
        }
        self._keep(destination, facts)
        return found

    def tested(self, destination: str, success: bool, now: datetime, detail: str = "") -> None:
        """Note what came of a test message. ``detail`` holds no secret."""
        self._keep(
            destination, {"last_test": {"at": time_to_json(now), "success": success, "detail": cut(detail, 300)}}
        )

    def changed(self, destination: str, settings: str) -> bool:
        """Whether the destination's ``settings`` (a fingerprint) are others than when this was last asked."""
        before = self._kept(destination).get("settings")
        if before != settings:
            self._keep(destination, {"settings": settings})
        return before not in (None, settings)

    def _kept(self, destination: str) -> Mapping[str, Any]:
        document = self._state.get(keys.PARTITION, keys.evaluated(destination))
        return document.value if document else {}

    def _keep(self, destination: str, facts: Mapping[str, Any]) -> None:
        self._state.update(keys.PARTITION, keys.evaluated(destination), lambda old: {**(old or {}), **facts})
