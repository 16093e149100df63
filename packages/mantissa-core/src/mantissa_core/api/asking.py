"""What answers questions: a narrow protocol, and the offline parser behind it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from mantissa_core.errors import MantissaError

if TYPE_CHECKING:
    from mantissa_core.ask.schema import Schema
    from mantissa_core.model import QueryResult
    from mantissa_core.runtime import Runtime


class NotUnderstood(MantissaError):
    """The question has no sure answer. ``suggestions`` are questions that have one."""

    def __init__(self, reason: str, suggestions: Sequence[str]) -> None:
        super().__init__(reason)
        self.suggestions = tuple(suggestions)


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, the SQL that found them, and what was understood, in plain words."""

    result: QueryResult
    sql: str
    explanation: str
    assumptions: tuple[str, ...] = ()


class Asks(Protocol):
    """Answers a question in plain English, over the tables that the one who asks may see."""

    def ask(self, question: str, *, zone: str, allowed: Collection[str] | None, max_rows: int | None) -> Answer:
        """Raise :class:`NotUnderstood` where it is not sure, ``QueryError`` where the query fails."""


class OfflineAsks:
    """By the rules of the offline parser, without a network."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def ask(self, question: str, *, zone: str, allowed: Collection[str] | None, max_rows: int | None) -> Answer:
        """As the protocol."""
        from mantissa_core.ask.compile import compile_plan
        from mantissa_core.ask.parse import Abstained, parse

        schema = schema_for(self._runtime, allowed)
        found = parse(question, schema, datetime.now(UTC), zone)
        if isinstance(found, Abstained):
            raise NotUnderstood(found.reason, found.suggestions)
        sql = compile_plan(found.plan, schema.table(found.plan.source))
        result = self._runtime.query(sql, max_rows=max_rows, allowed=allowed)
        return Answer(result, sql, found.explanation, found.assumptions)


def schema_for(runtime: Runtime, allowed: Collection[str] | None) -> Schema:
    """What somebody may ask about."""
    from mantissa_core.ask.schema import Schema

    return Schema.of(list(runtime.log_types), runtime.lake.tables(), allowed)
