"""Rules and their schedules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Body, Parameters, Reply, Rows, Severity, Sql, Text


class RuleReply(Reply):
    """A rule. ``own``: it stands in the instance's own folder and may be changed here."""

    id: str
    title: str
    severity: Severity | None
    kind: Literal["sigma", "correlation", "sql"]
    description: str
    tags: list[str]
    own: bool
    rule: str | None = None
    """Its text; only where one rule is asked for."""


class RulesReply(Reply):
    """Rules by title."""

    rules: list[RuleReply]


class RuleBody(Body):
    """A rule as YAML, and the YAML of its tests. Without ``tests`` those that there are stay."""

    rule: Annotated[str, Field(min_length=1, max_length=200_000)]
    tests: Annotated[str, Field(max_length=500_000)] | None = None


class Threshold(Body):
    """A rule matches where the query has so many rows."""

    type: Literal["count"] = "count"
    value: Rows = 1


class DetectionBody(Body):
    """A rule made of a query."""

    user_id: Text | None = None
    """Taken for the sake of programs that send it; who did it is known by the token."""
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Text = ""
    query: Sql
    severity: Severity
    threshold: Threshold = Threshold()
    schedule_expression: Annotated[str, Field(max_length=100)]
    enabled: bool = True


class DetectionReply(Reply):
    """The rule that was made."""

    rule_id: str
    status: Literal["created"] = "created"
    schedule_status: Literal["enabled", "disabled"]


class ScheduleBody(Body):
    """When a rule runs."""

    user_id: Text | None = None
    rule_id: Annotated[str, Field(min_length=1, max_length=200)]
    schedule_expression: Annotated[str, Field(min_length=1, max_length=100)]
    window: Annotated[str, Field(max_length=20)] | None = None
    enabled: bool = True


class ScheduleReply(Reply):
    """When a rule runs."""

    rule_id: str
    rule_name: str
    schedule_expression: str
    state: Literal["ENABLED", "DISABLED"]
    status: Literal["enabled", "disabled"]


class SchedulesQuery(Parameters):
    """``user_id`` is taken for the sake of programs that send it."""

    user_id: Annotated[str, Field(max_length=200)] | None = None


class SchedulesReply(Reply):
    """Schedules by the rule's title."""

    schedules: list[ScheduleReply]
