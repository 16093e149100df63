"""The audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field, field_validator

from .base import Parameters, Reply


class AuditQuery(Parameters):
    """Which entries."""

    user: Annotated[str, Field(max_length=200)] | None = None
    since: datetime | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100

    @field_validator("since")
    @classmethod
    def _with_zone(cls, value: datetime | None) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time with its zone, such as 2026-11-20T00:00:00Z")
        try:
            return value.astimezone(UTC)
        except OverflowError:  # at the ends of the calendar
            return value.replace(tzinfo=UTC)


class AuditReply(Reply):
    """Who did what, the newest first."""

    entries: list[dict[str, Any]]
