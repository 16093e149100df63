"""What a question comes to: what was understood, the SQL, the rows, what they cost and where they stand in the lake."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from mantissa_core.errors import QueryError
from mantissa_core.model.query import CostEstimate

from .plan import Plan
from .usage import Usage
from .written import Written

if TYPE_CHECKING:
    import pyarrow as pa

    from .chart import Chart

Status = Literal["succeeded", "abstained", "needs_confirmation", "failed", "cancelled"]
OFFLINE = "offline"
"""The provider of a plan that the offline parser made."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What running it took."""

    data_scanned_bytes: int
    execution_time_ms: float
    result_count: int


@dataclass(frozen=True, slots=True)
class Citation:
    """An event that the answer lists: its id, and the table that holds the whole of it."""

    m_id: str
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one question. Only one that ``succeeded`` and was not explained only has rows."""

    execution_id: str
    status: Status
    question: str
    reason: str = ""
    """Why there are no rows, for every status but ``succeeded``."""
    sql: str = ""
    plan: Plan | None = None
    explanation: str = ""
    """What was understood, with the window in absolute times."""
    assumptions: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    """Questions that have an answer, where this one has none."""
    rows: pa.Table | None = None
    columns: tuple[str, ...] = ()
    """Columns for people; the rows may have more, such as ``m_id``."""
    statistics: Statistics | None = None
    summary: str = ""
    notes: tuple[str, ...] = ()
    """What is missing in the log, where that may explain the rows."""
    cost_estimate: CostEstimate | None = None
    citations: tuple[Citation, ...] = ()
    truncated: bool = False
    cached: bool = False
    """Whether the rows were kept from an earlier run over the same files."""
    provider: str = OFFLINE
    """``offline``, or the label of the language model that made the plan."""
    conversation: str | None = None
    """Id of the conversation that it belongs to, for follow-ups."""
    raw_sql: bool = False
    """Whether a language model wrote the SQL, because no plan says what was asked. It ran behind the guard."""
    written: Written | None = None
    """That SQL as it was written; ``sql`` is what ran in its place."""
    usage: Usage | None = None
    """What it took of a language model, where one was asked."""

    @property
    def results(self) -> list[dict[str, Any]]:
        """The rows as mappings."""
        rows: list[dict[str, Any]] = self.rows.to_pylist() if self.rows is not None else []
        return rows

    @property
    def shown(self) -> pa.Table | None:
        """The rows with the columns for people alone."""
        return self.rows.select(list(self.columns)) if self.rows is not None else None

    def chart(self) -> Chart:
        """The rows as a picture: columns over time, a bar for each group, pairs where periods are compared.

        Raises:
            QueryError: no picture says more than the rows do: a list, one figure, no rows.
        """
        from .chart import chart

        if self.plan is None or self.rows is None:
            raise QueryError("there are no rows to draw")
        return chart(self.plan, self.rows, self.explanation, truncated=self.truncated)

    def document(self) -> dict[str, Any]:
        """As JSON values; times are ISO 8601."""
        return {
            "execution_id": self.execution_id,
            "status": self.status,
            "question": self.question,
            "reason": self.reason,
            "explanation": self.explanation,
            "assumptions": list(self.assumptions),
            "suggestions": list(self.suggestions),
            "sql": self.sql,
            "plan": self.plan.model_dump(mode="json") if self.plan else None,
            "columns": list(self.columns),
            "results": [{name: _plain(value) for name, value in row.items()} for row in self.results],
            "truncated": self.truncated,
            "cached": self.cached,
            "statistics": asdict(self.statistics) if self.statistics else None,
            "summary": self.summary,
            "notes": list(self.notes),
            "cost_estimate": asdict(self.cost_estimate) if self.cost_estimate else None,
            "citations": [asdict(each) for each in self.citations],
            "provider": self.provider,
            "conversation": self.conversation,
            "raw_sql": self.raw_sql,
            "usage": asdict(self.usage) if self.usage else None,
        }


def _plain(value: Any) -> Any:
    """A value of a row as JSON."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
