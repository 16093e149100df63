"""Alerts, steps, verdicts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .base import Body, Parameters, Reply, Severity, Status, Text


class AlertsQuery(Parameters):
    """Which alerts."""

    rule: Annotated[str, Field(max_length=200)] | None = None
    severity: Severity | None = None
    status: Status | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(pattern=r"^[0-9]{15}/[0-9a-zA-Z_.-]{1,128}$")] | None = None
    """``next`` of the page before."""


class AlertReply(BaseModel):
    """An alert. More members are in ``docs/api.md``."""

    model_config = ConfigDict(extra="allow")
    id: str
    rule_id: str
    rule_name: str
    severity: Severity
    status: Status
    summary: str
    count: int
    first_seen: str
    last_seen: str
    table: str
    verdict: dict[str, Any] | None = None


class AlertsReply(Reply):
    """A page of alerts, the newest first."""

    alerts: list[AlertReply]
    next: str | None


class StepBody(Body):
    """Why."""

    note: Text = ""


class VerdictBody(Body):
    """What an alert was, and why."""

    verdict: Literal["true_positive", "false_positive", "benign"]
    note: Text = ""
