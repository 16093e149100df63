"""What is asked and run: it can be polled, cancelled, and its rows fetched. All of it is forgotten with the process."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .caller import Caller
from .models.queries import State
from .outcome import Outcome
from .problem import Problem, problem_of

MOST = 2_000
"""Executions that are remembered."""
MOST_OF_ONE = 50
"""Of one caller; the oldest that is over makes room."""
MOST_RUNNING = 16
"""Of one caller at a time: a dashboard asks for all that it shows at once."""
MOST_BYTES = 256 << 20
"""Of rows that are remembered."""
KEPT = 900.0
"""Seconds that a result can be fetched."""
THREADS = 32
AGAIN = 0.2
"""Seconds until what was cancelled before it ran is cancelled again."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be run: ``sql`` where it is known already, ``run`` and ``cancel`` by the execution's id."""

    sql: str
    run: Callable[[str], Outcome]
    cancel: Callable[[str], object]


@dataclass(eq=False)
class Execution:
    """A question or a statement on its way. ``outcome`` is there when it came to one, ``problem`` when it failed."""

    id: str
    owner: str
    work: Work
    status: State = "RUNNING"
    outcome: Outcome | None = None
    problem: Problem | None = None
    ended: float | None = None
    done: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set when nothing of it runs any more; one that was cancelled may take a moment."""


class Executions:
    """Those of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Execution] = OrderedDict()
        self._pool: ThreadPoolExecutor | None = None

    def start(self, caller: Caller, work: Work, ended: Callable[[], None] = lambda: None) -> Execution:
        """Begin on another thread; ``ended`` hears of its end.

        Raises:
            Problem: 429, the caller has too many that run; 503, everybody has.
        """
        made = self._admit(caller, work)

        def run() -> None:
            try:
                if made.status == "RUNNING":
                    self._end(made, *_tried(made))
            finally:
                made.done.set()
                ended()

        with self._lock:
            self._pool = self._pool or ThreadPoolExecutor(THREADS, thread_name_prefix="query")
            self._pool.submit(run)
        return made

    def run(self, caller: Caller, work: Work) -> Execution:
        """Run it, and return when it is over.

        Raises:
            Problem: as ``start``. What the work raises: such an execution is not remembered.
        """
        made = self._admit(caller, work)
        try:
            self._end(made, work.run(made.id), None)
        except Exception:
            with self._lock:
                self._known.pop(made.id, None)
            raise
        finally:
            made.done.set()
        return made

    def get(self, caller: Caller, execution_id: str) -> Execution | None:
        """One of the caller's own."""
        with self._lock:
            self._forget()
            found = self._known.get(execution_id)
        return found if found and found.owner == caller.id else None

    def stop(self, execution: Execution) -> None:
        """Cancel what has not ended. Returns at once: what waits for a worker ends when it would get one."""
        with self._lock:
            if execution.status != "RUNNING":
                return
            execution.status, execution.ended = "CANCELLED", self._clock()
        threading.Thread(target=_cancel, args=(execution,), name="cancel", daemon=True).start()

    def close(self) -> None:
        """Cancel everything, and wait for its end."""
        with self._lock:
            known, pool, self._pool = list(self._known.values()), self._pool, None
        for each in known:
            self.stop(each)
        if pool:
            pool.shutdown(wait=True, cancel_futures=True)

    def _end(self, execution: Execution, outcome: Outcome | None, problem: Problem | None) -> None:
        with self._lock:
            if execution.status == "RUNNING":
                execution.outcome, execution.problem = outcome, problem
                execution.status = outcome.reply.status if outcome else "FAILED"
                execution.ended = self._clock()

    def _admit(self, caller: Caller, work: Work) -> Execution:
        made = Execution(str(uuid.uuid4()), caller.id, work)
        with self._lock:
            self._make_room(caller)
            self._known[made.id] = made
        return made

    def _make_room(self, caller: Caller) -> None:
        self._forget()
        own = [each for each in self._known.values() if each.owner == caller.id]
        if sum(each.status == "RUNNING" for each in own) >= MOST_RUNNING:
            raise Problem(429, f"{MOST_RUNNING} queries run already", remedy="wait for one, or cancel one",
                          headers={"Retry-After": "5"})  # fmt: skip
        over = [each for each in own if each.status != "RUNNING"]
        if len(own) >= MOST_OF_ONE:
            del self._known[over.pop(0).id]
        if len(self._known) >= MOST:
            over = [each for each in self._known.values() if each.status != "RUNNING"]
            if not over:
                raise Problem(503, "too many queries run", remedy="try again later", headers={"Retry-After": "5"})
            del self._known[over[0].id]

    def _forget(self) -> None:
        """What is too old, and the oldest of what takes too much room."""
        now, room = self._clock(), MOST_BYTES
        for each in list(reversed(self._known.values())):
            if each.ended is None:
                continue
            room -= each.outcome.bytes if each.outcome else 0
            if room < 0 or now - each.ended > KEPT:
                del self._known[each.id]


def _tried(execution: Execution) -> tuple[Outcome | None, Problem | None]:
    try:
        return execution.work.run(execution.id), None
    except Exception as error:  # noqa: BLE001  # kept for the caller, who asks later
        return None, problem_of(error)


def _cancel(execution: Execution) -> None:
    execution.work.cancel(execution.id)
    while not execution.done.wait(AGAIN):
        execution.work.cancel(execution.id)
