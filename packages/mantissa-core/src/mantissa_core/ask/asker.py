"""A question, end to end: understood, priced, run under limits, summarized, cited, audited."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mantissa_core.errors import MantissaError, QueryError
from mantissa_core.model.query import CostEstimate
from mantissa_core.state import State
from mantissa_core.state.audit import entry

from .answer import OFFLINE, Answer, Citation, Statistics
from .cache import PARTITION
from .compile import Table, compile_plan, listed
from .conversations import LAST, LONGEST_SQL, NEW, Conversations
from .coverage import Span, notes, span_of, span_sql
from .events import OnEvent, tell
from .explain import explain
from .limits import Limits
from .located import FIRST, NOBODY, Locate, asks_where, first_step, resolved
from .parse import Abstained
from .plan import MOST_ROWS, Plan
from .protocols import Lake, PlanMaker
from .reader import Read, Reader
from .reports import Reports
from .runner import Ran, Runner, Terms
from .saved import SavedQuestions
from .schema import Schema
from .summary import count_rows, summarize
from .written import Bounded, Written

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_KEPT = 1_000
"""Characters of a question that the audit log and a conversation keep."""
DEFAULT_LIMIT = 1_000
"""What a plan's limit is where the question names none."""


class Asker:
    """Answers questions. Thread-safe; one serves every user of an instance."""

    def __init__(
        self,
        state: State,
        lake: Lake,
        clock: Callable[[], datetime],
        limits: Limits | None = None,
        model: PlanMaker | None = None,
        places: Locate | None = None,
    ) -> None:
        self._state, self._lake, self._clock, self._places = state, lake, clock, places
        self._limits = limits or Limits()
        self._reader, self._runner = Reader(state, clock, self._limits, model), Runner(lake, self._limits)
        self.conversations = Conversations(state, clock)
        self.saved = SavedQuestions(state, clock)
        self.reports = Reports(state, self.saved, clock)

    def ask(
        self,
        question: str,
        *,
        conversation: str | None = None,
        zone: str | None = None,
        user: str = "",
        allowed: Collection[str] | None = None,
        confirm: Callable[[CostEstimate], bool] | None = None,
        max_rows: int | None = None,
        explain_only: bool = False,
        execution_id: str | None = None,
        plan: Plan | None = None,
        caller: str = "",
        on_event: OnEvent | None = None,
    ) -> Answer:
        """Answer a question in plain English, or say why not.

        ``conversation`` is an id of the user's, ``new`` or ``last``; without it nothing is kept but the audit entry.
        ``zone`` says whose days and hours are meant (UTC). ``confirm`` is asked where the estimate exceeds what
        ``[ask]`` allows unasked. ``explain_only`` plans and prices without running. ``execution_id`` is for
        :meth:`cancel`. A ``plan`` is run as it is, in place of what the question would be read as. ``caller`` tells
        users of one name apart: conversations are theirs, and the audit entry has both. ``on_event`` gets what happens
        on the way; a language model's answer is streamed to it.

        Raises:
            QueryError: there is no such conversation or time zone, or ``max_rows`` is not between 1 and 10,000.
            Retry, NeedsOperator, LakeError, StateError: the question cannot be run now.
        """
        if max_rows is not None and not 1 <= max_rows <= MOST_ROWS:
            raise QueryError(f"max_rows is {max_rows}: between 1 and {MOST_ROWS:,} are possible")
        question = question.encode("utf-8", "replace").decode()  # halves of characters cannot be stored
        terms = Terms(_zone(zone), caller or user, allowed, confirm, max_rows, explain_only, on_event)
        known = self.conversations.resolve(terms.owner, conversation) if conversation else None
        begun = Answer(
            execution_id=execution_id or str(uuid.uuid4()), status="failed", question=question, conversation=known
        )
        try:
            answer = self._answer(begun, plan, terms)
        except MantissaError as error:
            self._audit(user, caller, replace(begun, reason=type(error).__name__))
            raise
        self._audit(user, caller, answer)
        if answer.status == "needs_confirmation":  # it will be asked again: nothing was said yet
            answer = replace(answer, conversation=None if conversation in (NEW, LAST) else known)
        else:
            self.conversations.add(terms.owner, replace(answer, question=question[:LONGEST_KEPT]))
        tell(on_event, "answer")
        return answer

    def cancel(self, execution_id: str) -> bool:
        """Stop a question that runs; its caller gets an answer with the status ``cancelled``."""
        return self._runner.cancel(execution_id)

    def schema(self, allowed: Collection[str] | None = None) -> Schema:
        """What may be asked about."""
        return self._lake.schema(allowed)

    def _answer(self, begun: Answer, given: Plan | None, terms: Terms) -> Answer:
        schema = self._lake.schema(terms.allowed)
        if given is not None:
            read: Read | Written | Abstained = Read(given, given.assumptions, OFFLINE)
        else:
            previous = self._previous(begun, schema, terms)
            read = self._reader.read(begun.question, schema, terms.zone, previous, terms.on_event)
        begun = replace(begun, usage=read.usage)
        if isinstance(read, Abstained):
            return replace(begun, status="abstained", reason=read.reason, suggestions=read.suggestions)
        if isinstance(read, Written):
            return self._run_written(begun, read, terms)
        if read.plan.source not in schema.tables:
            return replace(begun, reason=f"there is no table {read.plan.source!r}")
        return self._run_plan(begun, read, schema, terms)

    def _run_plan(self, begun: Answer, read: Read, schema: Schema, terms: Terms) -> Answer:
        table = schema.table(read.plan.source)
        plan, more = _limited(read.plan, terms.max_rows, self._limits.max_rows)
        answer = replace(
            begun, plan=plan, explanation=explain(plan, schema), assumptions=read.assumptions, provider=read.provider,
            columns=() if plan.measures else listed(plan, table),
        )  # fmt: skip
        try:
            first = self._addresses(answer, plan, table, terms) if asks_where(plan) else None
            if first is not None:
                if first.result is None:
                    return first.answer
                ready = resolved(plan, first.result.rows.to_pylist(), self._places)
                plan, table = ready.plan, Table(table.name, table.columns, table.telling, ready.countries)
                answer = replace(answer, assumptions=(*answer.assumptions, *ready.told))
                terms = replace(terms, confirm=_agreed)
            answer = replace(answer, sql=compile_plan(_cited(plan, table, more), table))
            ran = self._runner.run(answer, plan.limit, terms)
            return self._told(ran, plan, schema, terms, first) if ran.result else ran.answer
        except QueryError as error:
            return self._runner.failed(answer, error)

    def _told(self, ran: Ran, plan: Plan, schema: Schema, terms: Terms, before: Ran | None) -> Answer:
        """The answer with its rows, and what is to be said of them."""
        answered = _with_rows(ran, before)
        if answered.rows is None:
            return answered
        title = schema.tables[plan.source].title
        return replace(
            answered,
            summary=summarize(plan, answered.rows, truncated=answered.truncated),
            citations=() if plan.measures else tuple(_citations(plan, answered.rows)),
            notes=notes(plan, title, answered.results, lambda: self._span(plan.source, terms.allowed)),
        )

    def _addresses(self, answer: Answer, plan: Plan, table: Table, terms: Terms) -> Ran:
        """What the plan's conditions on countries are about: its rows are the addresses."""
        if self._places is None:
            raise QueryError(NOBODY)
        step = first_step(plan)
        told = (*answer.assumptions, FIRST) if terms.explain_only else answer.assumptions
        begun = replace(answer, sql=compile_plan(step, table), assumptions=told)
        return self._runner.run(begun, step.limit, terms if terms.explain_only else replace(terms, on_event=None))

    def _run_written(self, begun: Answer, written: Written, terms: Terms) -> Answer:
        """SQL of a language model: it passes the guard here, whatever looked at it before."""
        limit = terms.max_rows or self._limits.max_rows
        answer = replace(begun, raw_sql=True, written=written, provider=self._reader.model)
        try:
            bounded = self._lake.bounded(written, terms.allowed, limit)
            told = f"SQL written by the model, bounded to {written.when} and {limit:,} rows"
            answer = replace(
                answer, sql=bounded.sql, explanation=_written_explained(answer.provider, bounded, written),
                assumptions=(told, *bounded.notes, *written.assumptions),
            )  # fmt: skip
            ran = self._runner.run(answer, limit, terms)
            if ran.result is None:
                return ran.answer
            summary = count_rows(ran.result.rows, truncated=ran.result.truncated)
            return replace(_with_rows(ran), summary=summary)
        except QueryError as error:
            return self._runner.failed(answer, error)

    def _previous(self, begun: Answer, schema: Schema, terms: Terms) -> Plan | Written | None:
        """What a follow-up changes, unless a table of it is gone or may not be seen any more."""
        if begun.conversation is None:
            return None
        if written := self.conversations.last_written(terms.owner, begun.conversation):
            return written if set(written.tables) <= set(schema.tables) else None
        plan = self.conversations.last_plan(terms.owner, begun.conversation)
        return plan if plan is not None and plan.source in schema.tables else None

    def _span(self, source: str, allowed: Collection[str] | None) -> Span | None:
        """The oldest and the newest event of a table, of all time."""
        query = self._lake.prepare(span_sql(source), 1, allowed, str(uuid.uuid4()))
        return span_of(self._lake.run(query).rows.to_pylist()[0])

    def _audit(self, user: str, caller: str, answer: Answer) -> None:
        statistics = answer.statistics
        facts = {
            "question": answer.question[:LONGEST_KEPT],
            "status": answer.status,
            "execution_id": answer.execution_id,
            "sql": answer.sql[:LONGEST_SQL],
            "provider": answer.provider,
            "raw_sql": answer.raw_sql,
            **({"caller": caller} if caller else {}),
            "rows": statistics.result_count if statistics else 0,
            "bytes": statistics.data_scanned_bytes if statistics else 0,
        }
        self._state.commit(PARTITION, [entry("ask", "asked", user, self._clock(), **facts)])


def _agreed(_cost: CostEstimate) -> bool:
    """What was confirmed for the addresses counts for the rest of the question."""
    return True


def _with_costs(answer: Answer, before: Statistics | None) -> Answer:
    """What finding addresses took is part of it."""
    if answer.statistics is None or before is None:
        return answer
    scanned = answer.statistics.data_scanned_bytes + before.data_scanned_bytes
    took = answer.statistics.execution_time_ms + before.execution_time_ms
    return replace(answer, statistics=Statistics(scanned, took, answer.statistics.result_count))


def _zone(name: str | None) -> str:
    try:
        return ZoneInfo(name or "UTC").key
    except (KeyError, ValueError, OSError):
        raise QueryError(f"there is no time zone {name!r} (an example: Europe/Berlin)") from None


def _limited(plan: Plan, wanted: int | None, usual: int) -> tuple[Plan, bool]:
    """The plan's own limit (top 10), the usual one where it names none, never more than is wanted.

    The second value says whether the plan itself asks for more rows than that.
    """
    open_ended = plan.limit == DEFAULT_LIMIT
    limit = (wanted or usual) if open_ended else min(plan.limit, wanted or MOST_ROWS)
    return plan.model_copy(update={"limit": limit}), open_ended or limit < plan.limit


def _cited(plan: Plan, table: Table, more: bool) -> Plan:
    """The same with the columns that say where a listed row stands, and one row more to tell whether there are more."""
    changes: dict[str, object] = {"limit": plan.limit + 1} if more else {}
    if not plan.measures and plan.sequence is None:  # a sequence says where its events stand by itself
        shown = listed(plan, table)
        extra = (each for each in ("m_id", "m_table") if each in table.columns and each not in shown)
        changes["select"] = (*shown, *extra)
    return plan.model_copy(update=changes)


def _written_explained(model: str, bounded: Bounded, written: Written) -> str:
    read = ", ".join(bounded.tables)
    return f"Runs SQL that the language model {model} wrote over {read}, from {written.when}."


def _with_rows(ran: Ran, before: Ran | None = None) -> Answer:
    """The answer with its rows; what finding addresses took is part of it."""
    if ran.result is None:
        return ran.answer
    fresh = [each.result for each in (before, ran) if each and each.result and not each.kept]
    scanned, took = sum(each.data_scanned_bytes for each in fresh), sum(each.execution_time_ms for each in fresh)
    rows = ran.result.rows
    return replace(
        ran.answer,
        status="succeeded",
        rows=rows,
        columns=ran.answer.columns or tuple(rows.column_names),
        statistics=Statistics(scanned, took, rows.num_rows),
        truncated=ran.result.truncated,
        cached=ran.kept,
    )


def _citations(plan: Plan, rows: pa.Table) -> Iterator[Citation]:
    """Where the events stand; of a sequence the earlier one of each row before the later one."""
    sides = ("first", "then") if plan.sequence else ("m",)
    columns = [(f"{side}_id", f"{side}_table") for side in sides if f"{side}_id" in rows.column_names]
    for row in rows.select([name for pair in columns for name in pair if name in rows.column_names]).to_pylist():
        yield from (Citation(str(row[id_]), str(row.get(table, plan.source))) for id_, table in columns)
