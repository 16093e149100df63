"""What is remembered of executions: how many, how much, how long, for whom."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest
from mantissa_core.api import executions as module
from mantissa_core.api.caller import Caller
from mantissa_core.api.executions import KEPT, MOST_OF_ONE, MOST_RUNNING, Executions, Work
from mantissa_core.api.models import Result
from mantissa_core.api.outcome import Outcome
from mantissa_core.api.problem import Problem
from mantissa_core.api.roles import Role

from .conftest import eventually

AMARA, LIN = (Caller(f"token/{name}", name, Role.ANALYST) for name in ("amara", "lin"))


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def kept(clock):
    made = Executions(clock)
    yield made
    made.close()


def work(run=None, cancel=lambda _: None):
    def ran(execution_id):
        return Outcome(Result(execution_id=execution_id, status="SUCCEEDED"), pa.table({"n": [1] * 1_000}))

    return Work("SELECT 1", run or ran, cancel)


def test_a_result_is_forgotten_after_a_while(kept, clock):
    made = kept.run(AMARA, work())
    clock.now = KEPT - 1
    assert kept.get(AMARA, made.id) is made
    clock.now = KEPT + 1
    assert kept.get(AMARA, made.id) is None


def test_nobody_pushes_the_results_of_others_out(kept):
    first, other = kept.run(AMARA, work()), kept.run(LIN, work())
    for _ in range(MOST_OF_ONE):
        kept.run(AMARA, work())
    assert kept.get(AMARA, first.id) is None
    assert kept.get(LIN, other.id) is other


def test_the_oldest_rows_make_room(kept, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 20_000)  # of 8,000 each
    made = [kept.run(AMARA, work()) for _ in range(4)]
    assert [kept.get(AMARA, each.id) is not None for each in made] == [False, False, True, True]


def test_an_execution_that_fails_while_it_is_waited_for_is_not_remembered(kept):
    def broken(_):
        raise Problem(422, "no")

    with pytest.raises(Problem, match="no"):
        kept.run(AMARA, work(broken))
    assert kept.get(AMARA, "") is None
    started = kept.start(AMARA, work(broken))
    started.done.wait(30)
    assert (started.status, str(started.problem)) == ("FAILED", "no")


def test_one_caller_runs_so_many_at_once_and_others_run_theirs(kept):
    held = threading.Event()

    def slow(execution_id):
        held.wait(30)
        return Outcome(Result(execution_id=execution_id, status="SUCCEEDED"))

    running = [kept.start(AMARA, work(slow)) for _ in range(MOST_RUNNING)]
    with pytest.raises(Problem) as refused:
        kept.start(AMARA, work())
    assert refused.value.status == 429
    assert kept.run(LIN, work()).status == "SUCCEEDED"
    held.set()
    assert all(each.done.wait(30) for each in running)
    assert kept.run(AMARA, work()).status == "SUCCEEDED"


def test_what_is_cancelled_before_it_can_be_is_cancelled_again(kept):
    begun, stopped, calls = threading.Event(), threading.Event(), []

    def slow(_):
        begun.wait(30)
        stopped.wait(30)
        raise Problem(422, "the query was cancelled")

    def cancel(execution_id):
        calls.append(execution_id)
        if begun.is_set():
            stopped.set()

    made = kept.start(AMARA, work(slow, cancel))
    kept.stop(made)
    eventually(lambda: len(calls) > 1)
    begun.set()
    assert made.done.wait(30)
    assert (made.status, made.problem) == ("CANCELLED", None)


def test_what_is_cancelled_before_its_turn_never_runs(kept):
    ran, held = [], threading.Event()

    def slow(execution_id):
        held.wait(30)
        return Outcome(Result(execution_id=execution_id, status="SUCCEEDED"))

    callers = [Caller(f"token/{number}", str(number), Role.ANALYST) for number in range(module.THREADS)]
    busy = [kept.start(each, work(slow)) for each in callers]
    waiting = kept.start(AMARA, work(lambda execution_id: ran.append(execution_id)))
    kept.stop(waiting)
    held.set()
    assert all(each.done.wait(30) for each in [*busy, waiting])
    assert (ran, waiting.status) == ([], "CANCELLED")
