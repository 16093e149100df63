"""A question, end to end: understood, priced, run under limits, summarized, cited, audited."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from mantissa_core.errors import MantissaError, NeedsOperator, PluginError, QueryError, Retry
from mantissa_core.model.query import CostEstimate, Query, QueryResult
from mantissa_core.state import State
from mantissa_core.state.audit import entry

from .answer import OFFLINE, Answer, Citation, Statistics
from .cache import PARTITION, PlanCache, ResultCache, plan_key
from .compile import Table, compile_plan, listed
from .conversations import LAST, LONGEST_SQL, NEW, Conversations
from .coverage import Span, notes, span_of, span_sql
from .events import Event
from .explain import explain
from .parse import Abstained, Understood, parse
from .plan import MOST_ROWS, Plan
from .saved import SavedQuestions
from .schema import Schema
from .summary import summarize

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_KEPT = 1_000
"""Characters of a question that the audit log and a conversation keep."""
DEFAULT_LIMIT = 1_000
"""What a plan's limit is where the question names none."""


class Lake(Protocol):
    """What an asker needs of the instance. ``allowed`` are the tables that somebody may see; None means all."""

    def schema(self, allowed: Collection[str] | None) -> Schema:
        """The tables and views as they are now."""

    def prepare(self, sql: str, max_rows: int, allowed: Collection[str] | None, execution_id: str) -> Query:
        """A statement with the tables that it names, as of now."""

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
        self, question: str, schema: Schema, now: datetime, zone: str, previous: Plan | None
    ) -> Understood | Abstained:
        """Raise ``Retry``, ``NeedsOperator`` or ``PluginError`` where the model cannot be asked."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Rows by default, what must be confirmed, and whether plans and rows are kept. See ``[ask]``."""

    max_rows: int = 1_000
    confirm_bytes: int = 10_000_000_000
    confirm_usd: float = 1.0
    cache: bool = True
    schema_version: str = "1"


@dataclass(frozen=True, slots=True)
class Read:
    """A question as it was read."""

    plan: Plan
    assumptions: tuple[str, ...]
    provider: str


class Asker:
    """Answers questions. Thread-safe; one serves every user of an instance."""

    def __init__(
        self,
        state: State,
        lake: Lake,
        clock: Callable[[], datetime],
        limits: Limits | None = None,
        model: PlanMaker | None = None,
    ) -> None:
        self._state, self._lake, self._clock, self._model = state, lake, clock, model
        self._limits = limits or Limits()
        self._plans, self._results = PlanCache(state, clock), ResultCache()
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()
        self.conversations = Conversations(state, clock)
        self.saved = SavedQuestions(state, clock)

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
        on_event: Callable[[Event], None] | None = None,
    ) -> Answer:
        """Answer a question in plain English, or say why not.

        ``conversation`` is an id of the user's, ``new`` or ``last``; without it nothing is kept but the audit entry.
        ``zone`` says whose days and hours are meant (UTC). ``confirm`` is asked where the estimate exceeds what
        ``[ask]`` allows unasked. ``explain_only`` plans and prices without running. ``execution_id`` is for
        :meth:`cancel`. A ``plan`` is run as it is, in place of what the question would be read as. ``caller`` tells
        users of one name apart: conversations are theirs, and the audit entry has both. ``on_event`` hears of each
        step.

        Raises:
            QueryError: there is no such conversation or time zone, or ``max_rows`` is not between 1 and 10,000.
            Retry, NeedsOperator, LakeError, StateError: the question cannot be run now.
        """
        if max_rows is not None and not 1 <= max_rows <= MOST_ROWS:
            raise QueryError(f"max_rows is {max_rows}: between 1 and {MOST_ROWS:,} are possible")
        question = question.encode("utf-8", "replace").decode()  # halves of characters cannot be stored
        owner, tell = caller or user, on_event or _unheard
        known = self.conversations.resolve(owner, conversation) if conversation else None
        begun = Answer(
            execution_id=execution_id or str(uuid.uuid4()), status="failed", question=question, conversation=known
        )
        try:
            answer = self._answer(begun, plan, _zone(zone), owner, allowed, confirm, max_rows, explain_only, tell)
        except MantissaError as error:
            self._audit(user, caller, replace(begun, reason=type(error).__name__))
            raise
        self._audit(user, caller, answer)
        tell(Event("answer"))
        if answer.status == "needs_confirmation":  # it will be asked again: nothing was said yet
            return replace(answer, conversation=None if conversation in (NEW, LAST) else known)
        self.conversations.add(owner, replace(answer, question=question[:LONGEST_KEPT]))
        return answer

    def cancel(self, execution_id: str) -> bool:
        """Stop a question that runs; its caller gets an answer with the status ``cancelled``."""
        with self._lock:
            self._cancelled.add(execution_id)
        stopped = self._lake.cancel(execution_id)
        if not stopped:
            with self._lock:
                self._cancelled.discard(execution_id)
        return stopped

    def schema(self, allowed: Collection[str] | None = None) -> Schema:
        """What may be asked about."""
        return self._lake.schema(allowed)

    def _answer(
        self,
        begun: Answer,
        given: Plan | None,
        zone: str,
        user: str,
        allowed: Collection[str] | None,
        confirm: Callable[[CostEstimate], bool] | None,
        max_rows: int | None,
        explain_only: bool,
        tell: Callable[[Event], None],
    ) -> Answer:
        schema = self._lake.schema(allowed)
        if given is not None:
            read: Read | Abstained = Read(given, given.assumptions, OFFLINE)
        else:
            read = self._read(begun.question, schema, zone, self._previous(user, begun, schema), tell)
        if isinstance(read, Abstained):
            return replace(begun, status="abstained", reason=read.reason, suggestions=read.suggestions)
        if read.plan.source not in schema.tables:
            return replace(begun, reason=f"there is no table {read.plan.source!r}")
        table = schema.table(read.plan.source)
        plan, more = _limited(read.plan, max_rows, self._limits.max_rows)
        answer = replace(
            begun, plan=plan, explanation=explain(plan, schema), assumptions=read.assumptions, provider=read.provider,
            columns=() if plan.measures else listed(plan, table),
        )  # fmt: skip
        try:
            answer = replace(answer, sql=compile_plan(_cited(plan, table, more), table))
            understood = {"explanation": answer.explanation, "assumptions": list(answer.assumptions), "sql": answer.sql}
            tell(Event("understood", understood))
            return self._run(answer, plan, allowed, confirm, explain_only, tell)
        except QueryError as error:
            with self._lock:
                cancelled = answer.execution_id in self._cancelled
                self._cancelled.discard(answer.execution_id)
            return replace(answer, status="cancelled" if cancelled else "failed", reason=str(error))

    def _previous(self, user: str, begun: Answer, schema: Schema) -> Plan | None:
        """What a follow-up changes, unless its table is gone or may not be seen any more."""
        plan = self.conversations.last_plan(user, begun.conversation) if begun.conversation else None
        return plan if plan is not None and plan.source in schema.tables else None

    def _read(
        self, question: str, schema: Schema, zone: str, previous: Plan | None, tell: Callable[[Event], None]
    ) -> Read | Abstained:
        """By the offline parser; where that abstains, by the language model, if there is one."""
        tell(Event("reading", {"by": OFFLINE}))
        now = self._clock().astimezone(UTC)
        offline = parse(question, schema, now, zone, previous)
        if isinstance(offline, Understood):
            return Read(offline.plan, offline.assumptions, OFFLINE)
        model = self._model
        if model is None:
            return offline
        facts = (schema.version, self._limits.schema_version, zone, model.label)
        key = plan_key(question, *facts, previous.model_dump_json() if previous else "")
        if self._limits.cache and (kept := self._plans.get(key)):
            return Read(kept[0], kept[0].assumptions, kept[1])
        tell(Event("reading", {"by": model.label}))
        try:
            made = model(question, schema, now, zone, previous)
        except (Retry, NeedsOperator, PluginError) as error:
            reason = f"{offline.reason} (the language model {model.label} cannot be asked: {error})"
            return Abstained(reason, offline.suggestions)
        if isinstance(made, Abstained):
            return made
        if self._limits.cache:
            self._plans.put(key, made.plan, model.label, now)
        return Read(made.plan, made.assumptions, model.label)

    def _run(
        self,
        answer: Answer,
        plan: Plan,
        allowed: Collection[str] | None,
        confirm: Callable[[CostEstimate], bool] | None,
        explain_only: bool,
        tell: Callable[[Event], None],
    ) -> Answer:
        query = self._lake.prepare(answer.sql, plan.limit, allowed, answer.execution_id)
        kept = self._results.get(query) if self._limits.cache and not explain_only else None
        if kept is None:
            cost = self._lake.estimate(query)
            answer = replace(answer, cost_estimate=cost)
            tell(Event("estimate", asdict(cost)))
            if explain_only:
                return replace(answer, status="succeeded")
            if problem := self._unconfirmed(answer.cost_estimate, confirm):
                return replace(answer, status="needs_confirmation", reason=problem)
        result = kept or self._lake.run(query)
        if kept is None and self._limits.cache:
            self._results.put(query, result)
        answered = _with_rows(answer, plan, result, cached=kept is not None)
        title = self._lake.schema(allowed).tables[plan.source].title
        told = notes(plan, title, answered.results, lambda: self._span(plan.source, allowed))
        return replace(answered, notes=told)

    def _span(self, source: str, allowed: Collection[str] | None) -> Span | None:
        """The oldest and the newest event of a table, of all time."""
        query = self._lake.prepare(span_sql(source), 1, allowed, str(uuid.uuid4()))
        return span_of(self._lake.run(query).rows.to_pylist()[0])

    def _unconfirmed(self, cost: CostEstimate | None, confirm: Callable[[CostEstimate], bool] | None) -> str:
        """Why it may not run, if so."""
        limits = self._limits
        if cost is None or (cost.bytes <= limits.confirm_bytes and cost.usd <= limits.confirm_usd):
            return ""
        if confirm is not None and confirm(cost):
            return ""
        price = f" for about {cost.usd:.2f} USD" if cost.usd else ""
        return f"it would read up to {cost.bytes:,} bytes{price}: confirm that, or narrow the time"

    def _audit(self, user: str, caller: str, answer: Answer) -> None:
        statistics = answer.statistics
        facts = {
            "question": answer.question[:LONGEST_KEPT],
            "status": answer.status,
            "execution_id": answer.execution_id,
            "sql": answer.sql[:LONGEST_SQL],
            "provider": answer.provider,
            **({"caller": caller} if caller else {}),
            "rows": statistics.result_count if statistics else 0,
            "bytes": statistics.data_scanned_bytes if statistics else 0,
        }
        self._state.commit(PARTITION, [entry("ask", "asked", user, self._clock(), **facts)])


def _unheard(_event: Event) -> None:
    """Where nobody listens."""


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


def _with_rows(answer: Answer, plan: Plan, result: QueryResult, *, cached: bool) -> Answer:
    rows, truncated = result.rows, result.truncated
    scanned, took = (0, 0.0) if cached else (result.data_scanned_bytes, result.execution_time_ms)
    return replace(
        answer,
        status="succeeded",
        rows=rows,
        columns=answer.columns or tuple(rows.column_names),
        statistics=Statistics(scanned, took, rows.num_rows),
        summary=summarize(plan, rows, truncated=truncated),
        citations=() if plan.measures else tuple(_citations(plan, rows)),
        truncated=truncated,
        cached=cached,
    )


def _citations(plan: Plan, rows: pa.Table) -> Iterator[Citation]:
    """Where the events stand; of a sequence the earlier one of each row before the later one."""
    sides = ("first", "then") if plan.sequence else ("m",)
    columns = [(f"{side}_id", f"{side}_table") for side in sides if f"{side}_id" in rows.column_names]
    for row in rows.select([name for pair in columns for name in pair if name in rows.column_names]).to_pylist():
        yield from (Citation(str(row[id_]), str(row.get(table, plan.source))) for id_, table in columns)
