"""Destinations of alerts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from .base import Body, Reply, Severity, Text


class IntegrationReply(Reply):
    """A destination of alerts. Its settings are not shown."""

    id: str
    type: str
    enabled: bool
    severity_filter: list[Severity]
    health_status: str


class IntegrationsReply(Reply):
    """Destinations by label."""

    integrations: list[IntegrationReply]


class ValidateBody(Body):
    """A destination and its settings, to be tried with a test message."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    config: dict[str, Any]


class ValidateReply(Reply):
    """What came of trying."""

    success: bool
    message: str
    details: dict[str, Any]


class IntegrationBody(Body):
    """A destination to be saved."""

    userId: Text | None = None  # noqa: N815  # the original's name
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,63}$")]
    config: dict[str, Any]
    severity_filter: list[Severity] | None = None
    enabled: bool = True


class SavedReply(Reply):
    """The destination that was saved."""

    integration_id: str
    message: str
    integration: IntegrationReply


class JiraBody(Body):
    """How to reach Jira Cloud."""

    url: Annotated[str, Field(min_length=1, max_length=500)]
    email: Annotated[str, Field(min_length=1, max_length=320)]
    api_token: Annotated[str, Field(min_length=1, max_length=1000)]


class Project(Reply):
    """A Jira project."""

    key: str
    name: str


class ProjectsReply(Reply):
    """Those that the account sees."""

    projects: list[Project]
