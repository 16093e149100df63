"""What people are told, and what came of telling them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from .signal import Severity

Status = Literal["open", "acknowledged", "resolved", "suppressed"]
Event = Literal["opened", "updated", "resolved"]
"""What a message tells: a new alert, one that goes on or was taken over, one that is over."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Signals of one rule and one group, close together in time.

    ``count`` is the number of distinct signals. Times are UTC; ``first_seen`` and ``last_seen`` are event
    times, ``created`` is the clock's. ``revision`` rises with every change.
    ``changed`` and ``changed_by`` say when the status changed last and who did it.
    ``enrichment`` holds facts by the enricher's label, ``unenriched`` why others had none.
    ``redacted`` counts by kind what was taken out of the messages about it.
    ``muted_by`` names the maintenance window because of which nobody was told.
    ``rewritten`` holds the six answers as a language model worded them, by question; empty where they are composed.
    ``evidence`` holds up to 10 of the matching events' telling fields; ``event_ids`` up to 100 of their ids.
    """

    id: str
    rule_id: str
    rule_name: str
    severity: Severity
    summary: str
    description: str
    status: Status
    count: int
    first_seen: datetime
    last_seen: datetime
    created: datetime
    revision: int = 1
    table: str = ""
    tags: tuple[str, ...] = ()
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    event_ids: tuple[str, ...] = ()
    evidence: tuple[Mapping[str, Any], ...] = ()
    enrichment: Mapping[str, Any] = field(default_factory=dict)
    unenriched: Mapping[str, str] = field(default_factory=dict)
    redacted: Mapping[str, int] = field(default_factory=dict)
    rewritten: Mapping[str, str] = field(default_factory=dict)
    changed: datetime | None = None
    changed_by: str = ""
    muted_by: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one destination.

    ``key`` is the same for every attempt at the same message: a destination that can, uses it to drop
    repeats. ``attempt`` starts at 1. ``previous`` is the receipt of this alert's last delivery there.
    ``destination`` is the label of the sink.
    """

    key: str
    event: Event
    alert: Alert
    attempt: int = 1
    previous: str | None = None
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The destination's word that it has the message. ``reference`` is its name for it (an id, a URL)."""

    reference: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Enrichment:
    """Context that an enricher adds to an alert, stored under the enricher's label."""

    facts: Mapping[str, Any]
