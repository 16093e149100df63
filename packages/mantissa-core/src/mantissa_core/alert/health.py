"""How well each destination took its messages over the last 24 hours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from mantissa_core.model.document import Document, Put

from . import keys

Grade = Literal["healthy", "degraded", "unhealthy", "unknown"]
SPAN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Health:
    """Attempts at a destination within :data:`SPAN`, counted by the hour, and how many of them succeeded."""

    attempts: int
    delivered: int

    @property
    def grade(self) -> Grade:
        """Healthy from 95 % on, degraded from 80 % on, else unhealthy; unknown without any attempt."""
        if not self.attempts:
            return "unknown"
        share = self.delivered / self.attempts
        return "healthy" if share >= 0.95 else "degraded" if share >= 0.80 else "unhealthy"


def hour_key(destination: str, now: datetime) -> str:
    """Key of the counts of the hour of ``now``."""
    return keys.health(destination, now.astimezone(UTC).strftime("%Y-%m-%dT%H"))


def counted(before: Document | None, key: str, delivered: bool, now: datetime) -> Put:
    """The hour's counts with one attempt more."""
    value: Mapping[str, Any] = before.value if before else {"attempts": 0, "delivered": 0}
    counts = {"attempts": value["attempts"] + 1, "delivered": value["delivered"] + delivered}
    return Put(key, counts, now + SPAN + timedelta(hours=1))


def total(hours: Iterable[Document], destination: str, now: datetime) -> Health:
    """Sum the hours that reach into the span."""
    oldest = hour_key(destination, now - SPAN)
    within = [document.value for document in hours if document.key > oldest]
    return Health(sum(each["attempts"] for each in within), sum(each["delivered"] for each in within))
