"""What need not be done twice: plans that a language model made, and rows of files that have not changed since."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from mantissa_core.model import Put
from mantissa_core.model.query import Query, QueryResult
from mantissa_core.state import State

from .plan import Period, Plan
from .time.grammar import times

PARTITION = "ask"
TTL = timedelta(seconds=3600)
MOST_BYTES = 64 << 20


class PlanCache:
    """Plans of a language model in the state store, for an hour. The offline parser is faster than any cache.

    What is kept is the words of a plan's time; a hit reads them again, so that ``the last 24 hours`` stay the last. A
    plan whose time our grammar does not read from its words is not kept.
    """

    def __init__(self, state: State, clock: Callable[[], datetime]) -> None:
        self._state, self._clock = state, clock

    def get(self, key: str) -> tuple[Plan, str] | None:
        """A plan as of now, with its provider."""
        found, now = self._state.get(PARTITION, f"plan/{key}"), self._clock()
        if found is None or datetime.fromisoformat(found.value["at"]) + TTL <= now:
            return None
        try:
            plan = as_of(Plan.model_validate(found.value["plan"]), now)
        except ValidationError:  # another version of this program wrote it
            return None
        return (plan, str(found.value["provider"])) if plan else None

    def put(self, key: str, plan: Plan, provider: str, made: datetime) -> None:
        """Keep a plan that was made at a moment."""
        if as_of(plan, made) != plan:
            return
        at = self._clock().astimezone(UTC).isoformat()
        value = {"plan": plan.model_dump(mode="json"), "provider": provider, "at": at}
        # The store goes by the system's time, whatever our clock says.
        self._state.commit(PARTITION, [Put(f"plan/{key}", value, datetime.now(UTC) + TTL)])


def as_of(plan: Plan, now: datetime) -> Plan | None:
    """The same plan at another time: its periods are read from their words again. None where they do not say them."""
    period = _as_of(plan.period, now)
    versus = _as_of(plan.versus, now) if plan.versus else None
    if period is None or (plan.versus and versus is None):
        return None
    return plan.model_copy(update={"period": period, "versus": versus})


def _as_of(period: Period, now: datetime) -> Period | None:
    if period.assumed:  # so long until now, which no words say
        return period.model_copy(update={"lo": now - (period.hi - period.lo), "hi": now})
    found = times(period.text, now.astimezone(UTC), period.zone)
    if len(found) != 1 or found[0].window.lo >= found[0].window.hi:
        return None
    return period.model_copy(update={"lo": found[0].window.lo, "hi": found[0].window.hi})


def plan_key(question: str, *facts: str) -> str:
    """A question without regard to case and blanks, and what else the plan depends on."""
    normal = " ".join(question.lower().split()).rstrip("?!. ")
    return hashlib.sha256("\0".join([normal, *facts]).encode("utf-8", "surrogatepass")).hexdigest()


class ResultCache:
    """Rows in memory, by statement and the files that it reads; the oldest go first.

    A changed table has other files, and what somebody may not see is not among theirs: neither finds old rows.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._size = most_bytes, 0
        self._kept: OrderedDict[str, QueryResult] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, query: Query) -> QueryResult | None:
        """The rows of the same statement over the same files."""
        with self._lock:
            key = _query_key(query)
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, query: Query, result: QueryResult) -> None:
        """Keep rows, unless they would take more than a quarter of the room."""
        size = result.rows.nbytes
        if size > self._most // 4:
            return
        with self._lock:
            key = _query_key(query)
            if old := self._kept.pop(key, None):
                self._size -= old.rows.nbytes
            self._kept[key] = result
            self._size += size
            while self._size > self._most:
                _, oldest = self._kept.popitem(last=False)
                self._size -= oldest.rows.nbytes


def _query_key(query: Query) -> str:
    digest = hashlib.sha256(f"{query.sql}\0{query.max_rows}".encode("utf-8", "surrogatepass"))
    for table in sorted(query.tables, key=lambda each: each.name):
        parts = (table.name, table.sql or "", *map(" ".join, table.columns.items()), *table.files)
        digest.update("\0".join(["", *parts]).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
