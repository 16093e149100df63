"""What an asker needs of the instance: a lake to ask, and perhaps somebody who makes plans."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from mantissa_core.model.query import CostEstimate, Query, QueryResult

from .events import OnEvent
from .parse import Abstained, Understood
from .plan import Plan
from .schema import Schema
from .written import Bounded, Written


class Lake(Protocol):
    """What an asker needs of the instance. ``allowed`` are the tables that somebody may see; None means all."""

    def schema(self, allowed: Collection[str] | None) -> Schema:
        """The tables and views as they are now."""

    def prepare(self, sql: str, max_rows: int, allowed: Collection[str] | None, execution_id: str) -> Query:
        """A statement with the tables that it names, as of now."""

    def bounded(self, written: Written, allowed: Collection[str] | None, max_rows: int) -> Bounded:
        """What may run in place of a model's SQL: the tables that it was shown and ``allowed``, within its period.

        Raises:
            QueryError: the guard refuses it.
        """

    def estimate(self, query: Query) -> CostEstimate:
        """What it would read and cost."""

    def run(self, query: Query) -> QueryResult:
        """Run it."""

    def cancel(self, execution_id: str) -> bool:
        """Stop it."""


class PlanMaker(Protocol):
    """Makes plans of questions that the offline parser does not understand: a language model."""

    label: str

    def __call__(
        self,
        question: str,
        schema: Schema,
        now: datetime,
        zone: str,
        previous: Plan | Written | None,
        on_event: OnEvent | None = None,
    ) -> Understood | Abstained | Written:
        """With ``on_event`` somebody listens.

        Raises:
            Retry, NeedsOperator, PluginError: the model cannot be asked.
        """
