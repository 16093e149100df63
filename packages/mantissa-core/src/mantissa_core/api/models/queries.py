"""Questions, statements and what they come to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .base import Body, Parameters, Reply, Rows, Sql

State = Literal["RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "ABSTAINED", "NEEDS_CONFIRMATION"]
QuestionText = Annotated[str, Field(min_length=1, max_length=2000)]
Zone = Annotated[str, Field(max_length=64)]


class Running(Body):
    """How something is run."""

    max_rows: Rows | None = None
    page_size: Rows = 1_000
    """Rows of the answer; the others come page by page from ``/api/query/executions/{id}``."""
    confirm: bool = False
    """Run it whatever the estimate says."""


class StreamBody(Running):
    """A question in plain English, or a statement. One of the two."""

    question: QuestionText | None = None
    sql: Sql | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Values of the statement's ``$name``."""
    zone: Zone = "UTC"
    """The time zone that the question's times are in, such as ``Europe/Berlin``."""
    conversation: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,64}$")] | None = None
    """``new``, ``last``, or the id of a conversation that the question belongs to."""


class QueryBody(StreamBody):
    """A question in plain English, or a statement. One of the two."""

    wait: bool = True


class ExecuteBody(Running):
    """A statement to be run, and whether to wait for it."""

    query: Sql
    database: Annotated[str, Field(max_length=128)] | None = None
    """There is one; it may be named for the sake of programs that do."""
    wait: bool = True
    parameters: dict[str, Any] = Field(default_factory=dict)


class PageQuery(Parameters):
    """Which rows of an execution. A file has them all."""

    page_size: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,5}$")] | None = None
    """``next`` of the page before."""


class Statistics(Reply):
    """What a query took."""

    data_scanned_bytes: int
    execution_time_ms: float
    result_count: int


class Cost(Reply):
    """What running it would read at most, and cost in US dollars where the engine bills."""

    bytes: int
    usd: float
    detail: str


class CitationReply(Reply):
    """An event that the answer lists: its id, and the table that holds the whole of it."""

    m_id: str
    table: str


class Result(Reply):
    """What came of a question or a statement. There are rows only where it ``SUCCEEDED``."""

    execution_id: str
    status: State
    columns: list[str] = Field(default_factory=list)
    """Columns for people; the rows of a question may have more, such as ``m_id``."""
    results: list[dict[str, Any]] = Field(default_factory=list)
    next: str | None = None
    """Of more rows: the ``cursor`` of the page after this one."""
    truncated: bool = False
    """Whether there were more than ``max_rows``."""
    cached: bool = False
    """Whether the rows were kept from an earlier run over the same files."""
    statistics: Statistics | None = None
    sql: str = ""
    explanation: str | None = None
    """What was understood of a question, in plain words."""
    assumptions: list[str] = Field(default_factory=list)
    summary: str | None = None
    """What the rows of a question say, in plain words."""
    cost_estimate: Cost | None = None
    citations: list[CitationReply] = Field(default_factory=list)
    """Of the events on this page."""
    provider: str | None = None
    """Who read the question: ``offline``, or the label of a language model."""
    raw_sql: bool = False
    """Whether a language model wrote the SQL itself, which the guard then bounded."""
    conversation: str | None = None
    """The id for questions that follow."""
    suggestions: list[str] = Field(default_factory=list)
    """Questions that have an answer, where this one has none."""
    reason: str | None = None
    """Why there are no rows."""
    error: str | None = None
    """The same, where it ``FAILED``."""
