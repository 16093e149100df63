"""What requests and answers look like. Bodies take nothing that they do not name; their types are not guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from .roles import Role

Text = Annotated[str, Field(max_length=4000)]
Sql = Annotated[str, Field(min_length=1, max_length=100_000)]


def _whole(value: Any) -> Any:
    """In JSON ``1.0`` is a whole number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Rows = Annotated[int, Field(ge=1, le=10_000), BeforeValidator(_whole)]
TableName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,128}$")]
Severity = Literal["informational", "low", "medium", "high", "critical"]
Status = Literal["open", "acknowledged", "resolved", "suppressed"]


class Body(BaseModel):
    """Of a request."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Parameters(BaseModel):
    """Of a request's query string."""

    model_config = ConfigDict(extra="forbid")


class Reply(BaseModel):
    """Of an answer."""

    model_config = ConfigDict(extra="forbid")


# --- the instance ---------------------------------------------------------------------------------------------


class Health(Reply):
    """Whether the server answers."""

    status: Literal["ok"] = "ok"


class Features(Reply):
    """The modules that run."""

    siem: bool
    apm: bool
    soar: bool


class Config(Reply):
    """What there is, and whom the token stands for."""

    features: Features
    version: str
    user: str
    role: Role


class Column(Reply):
    """A column that may be asked about."""

    name: str
    type: str
    description: str
    synonyms: list[str]
    values: dict[str, str]


class Table(Reply):
    """A table or view."""

    name: str
    title: str
    description: str
    synonyms: list[str]
    view: bool
    columns: list[Column]


class SchemaReply(Reply):
    """What may be asked about."""

    version: str
    tables: list[Table]


# --- queries --------------------------------------------------------------------------------------------------


class QueryBody(Body):
    """A question in plain English, or a statement. One of the two."""

    question: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    sql: Sql | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Values of the statement's ``$name``."""
    max_rows: Rows | None = None
    zone: Annotated[str, Field(max_length=64)] = "UTC"
    """The time zone that the question's times are in, such as ``Europe/Berlin``."""


class ExecuteBody(Body):
    """A statement to be run, and whether to wait for it."""

    query: Sql
    database: Annotated[str, Field(max_length=128)] | None = None
    """There is one; it may be named for the sake of programs that do."""
    wait: bool = True
    parameters: dict[str, Any] = Field(default_factory=dict)
    max_rows: Rows | None = None


class Statistics(Reply):
    """What a query took."""

    data_scanned_bytes: int
    execution_time_ms: float
    result_count: int


class Result(Reply):
    """Rows, and how they came about."""

    execution_id: str
    status: Literal["RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]
    columns: list[str] = Field(default_factory=list)
    results: list[dict[str, Any]] = Field(default_factory=list)
    truncated: bool = False
    statistics: Statistics | None = None
    sql: str = ""
    explanation: str | None = None
    """What was understood of a question, in plain words."""
    assumptions: list[str] = Field(default_factory=list)
    error: str | None = None


# --- alerts ---------------------------------------------------------------------------------------------------


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


# --- rules ----------------------------------------------------------------------------------------------------


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


class SchedulesQuery(Parameters):
    """``user_id`` is taken for the sake of programs that send it."""

    user_id: Annotated[str, Field(max_length=200)] | None = None


class SchedulesReply(Reply):
    """Schedules by the rule's title."""

    schedules: list[ScheduleReply]


# --- integrations ---------------------------------------------------------------------------------------------


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


# --- tokens, audit --------------------------------------------------------------------------------------------


class TokenBody(Body):
    """A token to be made."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")]
    role: Role
    tables: list[TableName] | None = None
    expires_in_days: Annotated[int, Field(ge=1, le=3650), BeforeValidator(_whole)] | None = None

    @field_validator("role", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return Role(value) if isinstance(value, str) and value in set(Role) else value


class TokenReply(Reply):
    """A token. ``token``, its value, is there once, when it is made."""

    id: str
    name: str
    role: Role
    tables: list[str] | None
    created: datetime
    created_by: str
    expires: datetime | None
    token: str | None = None


class TokensReply(Reply):
    """The valid ones, by name."""

    tokens: list[TokenReply]


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
