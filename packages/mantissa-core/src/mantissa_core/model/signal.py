"""A rule's match on one event (or, for correlations, on several)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

Disposition = Literal["shadow", "suppressed"]
"""Why a signal opens no alert: its rule is on trial, or a filter silenced it."""


class Severity(StrEnum):
    """Sigma's levels, most urgent last."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for informational to 4 for critical."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Signal:
    """One match. ``id`` is a hash of the rule and the events, so that evaluating twice yields the same signal.

    ``time`` is the (last) event's. ``group`` holds the values that the rule groups alerts by, ``entities`` the
    overlay's (``user``, ``src_ip``, ``dst_ip``, ``target``, ``action``, ``outcome``) where the event has them.
    ``fields`` are the values that correlations group and measure by. A ``silent`` signal is for correlations alone.
    ``disposition`` says why else it opens no alert; ``suppressed_by`` is the filter's id.
    """

    id: str
    rule_id: str
    rule_name: str
    severity: Severity
    summary: str
    time: datetime
    table: str
    event_ids: tuple[str, ...]
    tags: tuple[str, ...] = ()
    group: Mapping[str, str] = field(default_factory=dict)
    entities: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    suppressed_by: str | None = None
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    silent: bool = False
    disposition: Disposition | None = None
