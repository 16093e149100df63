"""How well each destination took its messages over the last 24 hours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from mantissa_core.model.document import Document, Put

from . import keys
from .codec import time_from_json, time_to_json
from .fold import cut

Grade = Literal["healthy", "degraded", "unhealthy", "unknown"]
SPAN = timedelta(hours=24)
RECENT = 10
"""Failures that are kept with their reasons."""
_REASON = 300


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed, and why."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """Attempts at a destination within :data:`SPAN`, counted by the hour, and how many of them succeeded.

    ``last_success`` is the last of these, ``failures`` are the last few others, newest first.
    """

    attempts: int
    delivered: int
    last_success: datetime | None = None
    failures: tuple[Failure, ...] = ()

    @property
    def failed(self) -> int:
        """Attempts that did not deliver."""
        return self.attempts - self.delivered

    @property
    def success_rate(self) -> float | None:
        """From 0 to 1; ``None`` without any attempt."""
        return self.delivered / self.attempts if self.attempts else None

    @property
    def grade(self) -> Grade:
        """Healthy from 95 % on, degraded from 80 % on, else unhealthy; unknown without any attempt."""
        if self.success_rate is None:
            return "unknown"
        return "healthy" if self.success_rate >= 0.95 else "degraded" if self.success_rate >= 0.80 else "unhealthy"


def hour_key(destination: str, now: datetime) -> str:
    """Key of the counts of the hour of ``now``."""
    return keys.health(destination, now.astimezone(UTC).strftime("%Y-%m-%dT%H"))


def counted(before: Document | None, key: str, delivered: bool, now: datetime, error: str = "") -> Put:
    """The hour's counts with one attempt more."""
    value: Mapping[str, Any] = before.value if before else {"attempts": 0, "delivered": 0}
    counts: dict[str, Any] = {
        "attempts": value["attempts"] + 1,
        "delivered": value["delivered"] + delivered,
        "last_success": time_to_json(now) if delivered else value.get("last_success"),
        "failures": list(value.get("failures", [])),
    }
    if not delivered:
        failure = {"at": time_to_json(now), "reason": cut(error, _REASON)}
        counts["failures"] = [*counts["failures"], failure][-RECENT:]
    return Put(key, counts, now + SPAN + timedelta(hours=1))


def total(hours: Iterable[Document], destination: str, now: datetime) -> Health:
    """Sum the hours that reach into the span."""
    oldest = hour_key(destination, now - SPAN)
    within = [document.value for document in hours if document.key > oldest]
    successes = [time_from_json(each["last_success"]) for each in within if each.get("last_success")]
    failures = [
        Failure(time_from_json(each["at"]), each["reason"]) for hour in within for each in hour.get("failures", ())
    ]
    return Health(
        sum(each["attempts"] for each in within),
        sum(each["delivered"] for each in within),
        max(successes, default=None),
        tuple(sorted(failures, key=lambda each: each.at, reverse=True)[:RECENT]),
    )
