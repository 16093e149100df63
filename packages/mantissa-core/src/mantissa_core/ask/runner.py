"""The SQL of an answer: priced, confirmed, run under limits or taken from what was kept, cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from mantissa_core.errors import QueryError
from mantissa_core.model.query import CostEstimate, QueryResult

from .answer import Answer
from .cache import ResultCache
from .events import OnEvent, tell
from .limits import Limits
from .protocols import Lake


@dataclass(frozen=True, slots=True)
class Terms:
    """How one question is to be answered. See :meth:`.asker.Asker.ask`."""

    zone: str
    owner: str
    allowed: Collection[str] | None = None
    confirm: Callable[[CostEstimate], bool] | None = None
    max_rows: int | None = None
    explain_only: bool = False
    on_event: OnEvent | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """An answer after its SQL was to run; ``result`` is there where it did."""

    answer: Answer
    result: QueryResult | None = None
    kept: bool = False


class Runner:
    """Runs answers' SQL. Thread-safe."""

    def __init__(self, lake: Lake, limits: Limits) -> None:
        self._lake, self._limits = lake, limits
        self._results = ResultCache()
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()

    def run(self, answer: Answer, limit: int, terms: Terms) -> Ran:
        """Run ``answer.sql``, of whose rows ``limit`` are wanted, unless it is only explained or must be confirmed.

        Raises:
            QueryError: it is refused, fails or was cancelled. See :meth:`failed`.
        """
        told = {"explanation": answer.explanation, "assumptions": list(answer.assumptions), "sql": answer.sql}
        tell(terms.on_event, "understood", **told)
        query = self._lake.prepare(answer.sql, limit, terms.allowed, answer.execution_id)
        kept = self._results.get(query) if self._limits.cache and not terms.explain_only else None
        if kept is not None:
            return Ran(answer, kept, kept=True)
        cost = self._lake.estimate(query)
        answer = replace(answer, cost_estimate=cost)
        tell(terms.on_event, "estimate", bytes=cost.bytes, cost=cost.usd)
        if terms.explain_only:
            return Ran(replace(answer, status="succeeded"))
        if problem := self._unconfirmed(cost, terms.confirm):
            return Ran(replace(answer, status="needs_confirmation", reason=problem))
        result = self._lake.run(query)
        if self._limits.cache:
            self._results.put(query, result)
        return Ran(answer, result)

    def failed(self, answer: Answer, error: QueryError) -> Answer:
        """The answer whose SQL raised an error: it failed, or somebody stopped it."""
        with self._lock:
            cancelled = answer.execution_id in self._cancelled
            self._cancelled.discard(answer.execution_id)
        return replace(answer, status="cancelled" if cancelled else "failed", reason=str(error))

    def cancel(self, execution_id: str) -> bool:
        """Stop what runs under this id; whether it did."""
        with self._lock:
            self._cancelled.add(execution_id)
        stopped = self._lake.cancel(execution_id)
        if not stopped:
            with self._lock:
                self._cancelled.discard(execution_id)
        return stopped

    def _unconfirmed(self, cost: CostEstimate, confirm: Callable[[CostEstimate], bool] | None) -> str:
        """Why it may not run, if so."""
        limits = self._limits
        if cost.bytes <= limits.confirm_bytes and cost.usd <= limits.confirm_usd:
            return ""
        if confirm is not None and confirm(cost):
            return ""
        price = f" for about {cost.usd:.2f} USD" if cost.usd else ""
        return f"it would read up to {cost.bytes:,} bytes{price}: confirm that, or narrow the time"
