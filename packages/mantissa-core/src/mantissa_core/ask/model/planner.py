"""From a question to a plan by a language model, within a budget and at most two repairs.

What it answers can only become a plan about the tables that it was shown. Everything else is a reason to abstain.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import ValidationError

from mantissa_core.ask.compile import compile_plan
from mantissa_core.ask.explain import explain
from mantissa_core.ask.parse.understood import Abstained, Understood
from mantissa_core.ask.plan import Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.errors import MantissaError, QueryError, Retry, Unusable
from mantissa_core.model.completion import Completion, Prompt

from .budget import OverBudget, Spending
from .draft import Draft, line, plan_of, schema_for
from .prompt import Redact, Shown, prompt, shown

Cause = Literal["unavailable", "budget", "slow", "truncated", "declined", "malformed"]
REPAIRS = 2
LONGEST = 1_000
"""Characters of a question."""


@dataclass(frozen=True, slots=True)
class Failed(Abstained):
    """The model was of no help, for a reason that says nothing about the question: ask the parser instead."""

    cause: Cause = "unavailable"


class Provider(Protocol):
    """What is needed of an :class:`~mantissa_core.hookspecs.LLMProvider`."""

    def generate_with_schema(self, prompt: Prompt, schema: dict[str, Any]) -> Completion:
        """As the hook."""


def plan_from_model(
    question: str,
    schema: Schema,
    provider: Provider,
    now: datetime,
    zone: str = "UTC",
    previous: Plan | None = None,
    *,
    spending: Spending,
    redact: Redact,
    check: Callable[[str], None],
    seconds: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> Understood | Abstained:
    """What the question means according to a language model, or why there is no plan.

    ``schema`` holds what the person may see and nothing else. ``redact`` takes secrets out of a text before it is sent.
    ``check`` gets the DuckDB statement of a plan and raises :class:`QueryError` where the engine would not run it
    (``EXPLAIN``). After ``seconds`` nothing more is asked. ``spending`` tells afterwards what it cost.
    """
    if not question.strip() or len(question) > LONGEST:
        return Abstained(f"ask something, in {LONGEST:,} characters at most")
    tables = shown(question, schema, previous)
    if not tables.tables:
        return Abstained("there is no table yet: collect or ingest something first")
    asking = _Asking(provider, spending, schema_for(tables.tables))
    begun, problem = clock(), ""
    for _ in range(1 + REPAIRS):
        if clock() - begun > seconds:
            return Failed(f"the language model took more than {seconds:g} seconds", cause="slow")
        asked = prompt(question, tables, now, zone, redact, previous, problem)
        answer = asking(asked)
        if isinstance(answer, Failed):
            return answer
        if isinstance(answer, str):
            problem = answer
            continue
        try:
            return _understood(answer, tables, question, schema, now, zone, previous, check)
        except ValidationError as error:
            problem = _told(error)
        except QueryError as error:
            problem = line(str(error), 500)
    return Failed(f"the language model's plan cannot be used: {problem}", cause="malformed")


class _Asking:
    """One question's calls: reserved before, settled after, errors by kind."""

    def __init__(self, provider: Provider, spending: Spending, schema: dict[str, Any]) -> None:
        self._provider, self._spending, self._schema = provider, spending, schema

    def __call__(self, asked: Prompt) -> dict[str, Any] | str | Failed:
        """The model's data, what to tell it about an answer that is none, or why to ask no more."""
        estimate = self._spending.estimate(asked, json.dumps(self._schema))
        try:
            self._spending.reserve(estimate)
        except OverBudget as error:
            return Failed(str(error), cause="budget")
        try:
            completion = self._provider.generate_with_schema(asked, self._schema)
        except Unusable as error:
            self._spending.settle("", error.input_tokens, error.output_tokens)
            return _unusable(error)
        except Retry as error:
            # Who does not answer in time may have read it all.
            self._spending.settle("", estimate.input_tokens, 0)
            return Failed(f"the language model is not available: {error}")
        except MantissaError as error:
            self._spending.release()
            return Failed(f"the language model is not available: {error}")
        self._spending.settle(completion.model, completion.input_tokens, completion.output_tokens)
        return dict(completion.data) if completion.data is not None else "answer with one JSON object"


def _unusable(error: Unusable) -> str | Failed:
    match error.why:
        case "truncated":
            return Failed(f"the language model's answer was too long: {error}", cause="truncated")
        case "declined":
            return Failed(f"the language model would not answer: {error}", cause="declined")
    return "answer with one JSON object"


def _understood(
    answer: dict[str, Any],
    tables: Shown,
    question: str,
    schema: Schema,
    now: datetime,
    zone: str,
    previous: Plan | None,
    check: Callable[[str], None],
) -> Understood | Abstained:
    draft = Draft.model_validate(answer)
    if draft.refusal:
        return Abstained(f"the language model finds no answer in these tables: {line(draft.refusal)}")
    if draft.source not in tables.tables:
        raise QueryError(f"source: choose one of {', '.join(tables.tables)}")
    table = schema.table(draft.source)
    plan = plan_of(draft, table, question, now, zone, previous)
    check(compile_plan(plan, table))
    return Understood(plan, explain(plan, schema), plan.assumptions)


def _told(error: ValidationError) -> str:
    """The first problems, for the model: where they are and what is wrong, without what it wrote."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)[:5]
    return line("; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems), 500)
