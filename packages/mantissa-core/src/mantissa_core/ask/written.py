"""SQL that a language model wrote where no plan says what was asked. What runs is what the guard makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from .plan import Compare, Period, Plan
from .time.window import Window
from .usage import Usage

ONLY_A_MODEL = (
    "the question before was answered with SQL that a language model wrote, which nothing else can change: ask it whole"
)
MARK = Compare(field="m_id", value="of the question before")
"""Stands in :attr:`Written.marked`, and in what a follow-up makes of it."""


@dataclass(frozen=True, slots=True)
class Written:
    """The statement as the model wrote it, the tables that it was shown, and the time that is put around each."""

    sql: str
    tables: tuple[str, ...]
    period: Period
    assumptions: tuple[str, ...] = ()
    usage: Usage | None = None

    @property
    def marked(self) -> Plan:
        """A plan in its place, for the parser alone: what becomes of it tells whether a question goes on from it."""
        return Plan(source=self.tables[0], filters=(MARK,), period=self.period)

    @property
    def when(self) -> str:
        """The period in absolute times, and why it is this one where the question names none."""
        period = self.period
        lo, hi = (each.astimezone(UTC) for each in (period.lo, period.hi))
        told = Window(lo, hi, period.text, "absolute", period.zone).told()
        return f"{told} ({period.text}, because the question names no time)" if period.assumed else told

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {"sql": self.sql, "tables": list(self.tables), "period": self.period.model_dump(mode="json")}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Written:
        """From :meth:`document`."""
        return cls(document["sql"], tuple(document["tables"]), Period.model_validate(document["period"]))


@dataclass(frozen=True, slots=True)
class Bounded:
    """The statement that runs in its place: what it reads, and in words what was put around what was written."""

    sql: str
    tables: tuple[str, ...]
    notes: tuple[str, ...]
