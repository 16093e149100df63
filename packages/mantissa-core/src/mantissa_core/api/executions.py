"""Queries that run while nobody waits: started, polled, cancelled. They are this process's, and forgotten with it."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from mantissa_core.model import QueryResult

from .problem import Problem, problem_of
from .roles import Caller

Status = Literal["RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]
MOST = 100
"""Executions that are remembered; the oldest that is over makes room."""
MOST_RUNNING = 8
"""Of one caller at a time."""
KEPT = 900.0
"""Seconds that a result can be fetched."""


@dataclass(eq=False)
class Execution:
    """A query on its way. ``result`` is there when it succeeded, ``problem`` when it failed."""

    id: str
    owner: str
    sql: str
    status: Status = "RUNNING"
    result: QueryResult | None = None
    problem: Problem | None = None
    ended: float | None = None
    future: Future[None] | None = field(default=None, repr=False)


class Executions:
    """Those of this process. ``run`` runs a query under an id, ``cancel`` stops it."""

    def __init__(self, cancel: Callable[[str], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._cancel, self._clock = cancel, clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Execution] = OrderedDict()
        self._pool: ThreadPoolExecutor | None = None

    def start(self, caller: Caller, sql: str, run: Callable[[str], QueryResult]) -> Execution:
        """Begin; ``run`` is called with the execution's id on another thread.

        Raises:
            Problem: 429, the caller has too many that run; 503, everybody has.
        """
        made = Execution(str(uuid.uuid4()), caller.id, sql)
        with self._lock:
            self._make_room(caller)
            self._known[made.id] = made
            self._pool = self._pool or ThreadPoolExecutor(MOST_RUNNING, thread_name_prefix="query")
            made.future = self._pool.submit(self._run, made, run)
        return made

    def get(self, caller: Caller, execution_id: str) -> Execution | None:
        """One of the caller's own."""
        with self._lock:
            self._forget()
            found = self._known.get(execution_id)
        return found if found and found.owner == caller.id else None

    def stop(self, execution: Execution) -> None:
        """Cancel what has not ended."""
        with self._lock:
            if execution.status != "RUNNING":
                return
            execution.status, execution.ended = "CANCELLED", self._clock()
        self._cancel(execution.id)

    def close(self) -> None:
        """Cancel everything, and wait for its end."""
        with self._lock:
            known, pool, self._pool = list(self._known.values()), self._pool, None
        for each in known:
            self.stop(each)
        if pool:
            pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, execution: Execution, run: Callable[[str], QueryResult]) -> None:
        if execution.status != "RUNNING":
            return
        try:
            result, problem = run(execution.id), None
        except Exception as error:  # noqa: BLE001  # kept for the caller, who asks later
            result, problem = None, problem_of(error)
        with self._lock:
            if execution.status == "RUNNING":
                execution.result, execution.problem = result, problem
                execution.status = "FAILED" if problem else "SUCCEEDED"
                execution.ended = self._clock()

    def _make_room(self, caller: Caller) -> None:
        self._forget()
        running = [each for each in self._known.values() if each.status == "RUNNING"]
        if sum(each.owner == caller.id for each in running) >= MOST_RUNNING:
            raise Problem(429, f"{MOST_RUNNING} queries run already", remedy="wait for one, or cancel one",
                          headers={"Retry-After": "5"})  # fmt: skip
        if len(self._known) >= MOST:
            over = next((each.id for each in self._known.values() if each.status != "RUNNING"), None)
            if over is None:
                raise Problem(503, "too many queries run", remedy="try again later", headers={"Retry-After": "5"})
            del self._known[over]

    def _forget(self) -> None:
        now = self._clock()
        for each in [each for each in self._known.values() if each.ended is not None and now - each.ended > KEPT]:
            del self._known[each.id]
