"""From a question to a plan by a language model, within a budget and at most two repairs.

What it answers can only become a plan about the tables that it was shown, or, where that is switched on, a statement
over them that the guard takes. Everything else is a reason to abstain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from mantissa_core.ask.compile import compile_plan
from mantissa_core.ask.explain import explain
from mantissa_core.ask.parse.understood import Abstained, Understood
from mantissa_core.ask.plan import Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.ask.written import Written
from mantissa_core.errors import QueryError

from .budget import Spending
from .calls import Calls, Failed, Provider, Tell
from .draft import Draft, DraftOrSQL, line, plan_of, schema_for, written_of
from .prompt import Redact, Shown, prompt, shown

REPAIRS = 2
LONGEST = 1_000
"""Characters of a question."""


def plan_from_model(
    question: str,
    schema: Schema,
    provider: Provider,
    now: datetime,
    zone: str = "UTC",
    previous: Plan | Written | None = None,
    *,
    spending: Spending,
    redact: Redact,
    check: Callable[[str], None],
    check_sql: Callable[[Written], None] | None = None,
    tell: Tell | None = None,
    seconds: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> Understood | Abstained | Written:
    """What the question means according to a language model, or why there is no plan.

    ``schema`` holds what the person may see and nothing else. ``redact`` takes secrets out of a text before it is sent.
    ``check`` gets the DuckDB statement of a plan and raises :class:`QueryError` where the engine would not run it
    (``EXPLAIN``). With ``check_sql`` the model may write SQL where no plan says it; it raises :class:`QueryError` where
    the guard refuses that. ``tell`` gets events, and has the answers streamed. After ``seconds`` nothing more is asked.
    ``spending`` tells afterwards what it cost, as does the outcome's ``usage``.
    """
    if not question.strip() or len(question) > LONGEST:
        return Abstained(f"ask something, in {LONGEST:,} characters at most")
    tables = shown(question, schema, previous)
    if not tables.tables:
        return Abstained("there is no table yet: collect or ingest something first")
    until = clock() + seconds
    described = schema_for(tables.tables, raw_sql=check_sql is not None)
    calls = Calls(provider, spending, described, tell, lambda: clock() > until)
    asked = _Question(question, schema, tables, now, zone, previous)
    problem = ""
    for _ in range(1 + REPAIRS):
        if clock() > until:
            slow = Failed(f"the language model took more than {seconds:g} seconds", cause="slow")
            return replace(slow, usage=spending.usage)
        answer = calls(prompt(question, tables, now, zone, redact, previous, problem, raw_sql=check_sql is not None))
        if isinstance(answer, Failed):
            return replace(answer, usage=spending.usage)
        if isinstance(answer, str):
            problem = answer
            continue
        try:
            return replace(asked.understood(answer, check, check_sql), usage=spending.usage)
        except ValidationError as error:
            problem = _told(error)
        except QueryError as error:
            problem = line(str(error), 500)
    unusable = Failed(f"the language model's plan cannot be used: {problem}", cause="malformed")
    return replace(unusable, usage=spending.usage)


@dataclass(frozen=True, slots=True)
class _Question:
    """What an answer is read against."""

    question: str
    schema: Schema
    tables: Shown
    now: datetime
    zone: str
    previous: Plan | Written | None

    def understood(
        self, answer: dict[str, Any], check: Callable[[str], None], check_sql: Callable[[Written], None] | None
    ) -> Understood | Abstained | Written:
        draft = (DraftOrSQL if check_sql else Draft).model_validate(answer)
        if draft.refusal:
            return Abstained(f"the language model finds no answer in these tables: {line(draft.refusal)}")
        if check_sql and isinstance(draft, DraftOrSQL) and draft.sql and not draft.source:
            return self._written(draft, check_sql)
        if draft.source not in self.tables.tables:
            raise QueryError(f"source: choose one of {', '.join(self.tables.tables)}")
        table, previous = self.schema.table(draft.source), self.previous
        plan = plan_of(
            draft, table, self.question, self.now, self.zone, previous if isinstance(previous, Plan) else None
        )
        check(compile_plan(plan, table))
        return Understood(plan, explain(plan, self.schema), plan.assumptions)

    def _written(self, draft: DraftOrSQL, check: Callable[[Written], None]) -> Written:
        before = self.previous.period if self.previous else None
        written = written_of(draft, self.tables.tables, self.question, self.now, self.zone, before)
        check(written)
        return written


def _told(error: ValidationError) -> str:
    """The first problems, for the model: where they are and what is wrong, without what it wrote."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)[:5]
    return line("; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems), 500)
