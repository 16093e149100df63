from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.health import Health
from mantissa_core.alert.outbox import DEAD_FOR, LEASE, Outbox
from mantissa_core.alert.route import Route
from mantissa_core.errors import NeedsOperator, PluginError, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Alert, Delivery, Receipt, Signal
from mantissa_core.state.documents import State

Make = Callable[..., Signal]


class Sink:
    """Takes messages, or raises what it is given, one after another."""

    def __init__(self, *outcomes: Exception) -> None:
        self.got: list[Delivery] = []
        self._outcomes = list(outcomes)

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        self.got.append(delivery)
        if self._outcomes:
            raise self._outcomes.pop(0)
        return Receipt(f"ticket-{len(self.got)}")


@pytest.fixture
def alert(state: State, clock: Callable[..., object], signal: Make) -> Alert:
    alerts = Alerts(state, clock=clock)  # type: ignore[arg-type]
    return alerts.apply([signal("a")], [Route("pager", type="core.webhook")])[0][1]


def outbox(state: State, clock: object, sink: object = None) -> Outbox:
    return Outbox(state, {"pager": sink} if sink else {}, clock=clock)  # type: ignore[arg-type, dict-item]


def statuses(box: Outbox, alert: Alert) -> Sequence[str]:
    return [each["status"] for each in box.attempts(alert.id)]


def test_a_message_is_delivered_once_and_recorded(state: State, clock: object, alert: Alert) -> None:
    sink = Sink()
    box = outbox(state, clock, sink)
    assert (box.dispatch(), box.dispatch()) == (1, 0)
    [delivery] = sink.got
    assert (delivery.alert, delivery.event, delivery.attempt, delivery.previous) == (alert, "opened", 1, None)
    [attempt] = box.attempts(alert.id)
    assert sorted(attempt) == ["integration_id", "integration_type", "latency_ms", "status", "timestamp"]
    assert (attempt["integration_id"], attempt["integration_type"]) == ("pager", "core.webhook")
    assert attempt["status"] == "delivered"
    assert list(box.waiting()) == []


def test_a_retry_waits_longer_each_time_and_ends_among_the_dead(state: State, clock, alert: Alert) -> None:  # type: ignore[no-untyped-def]
    sink = Sink(*(Retry("not now") for _ in range(9)))
    box = outbox(state, clock, sink)
    for pause in (10, 20, 40):
        assert box.dispatch() == 0
        clock.advance(seconds=pause - 1)
        assert box.dispatch() == 0
        clock.advance(seconds=1)
    box.dispatch()
    assert [delivery.attempt for delivery in sink.got] == [1, 2, 3, 4]
    assert len({delivery.key for delivery in sink.got}) == 1
    assert statuses(box, alert) == ["retry", "retry", "retry", "failed"]
    [letter] = box.dead()
    assert "given up after 4 attempts: not now" in letter.error
    assert list(box.waiting()) == []


def test_the_destination_may_say_when_to_come_back(state: State, clock, alert: Alert) -> None:  # type: ignore[no-untyped-def]
    sink = Sink(Retry("busy", after=120))
    box = outbox(state, clock, sink)
    box.dispatch()
    clock.advance(seconds=119)
    assert box.dispatch() == 0
    clock.advance(seconds=1)
    assert box.dispatch() == 1


def test_a_refusal_is_not_retried(state: State, clock: object, alert: Alert) -> None:
    box = outbox(state, clock, Sink(NeedsOperator("the token is refused: renew it")))
    box.dispatch()
    [letter] = box.dead()
    assert (letter.error, letter.destination, letter.alert_id) == ("the token is refused: renew it", "pager", alert.id)
    assert statuses(box, alert) == ["failed"]


def test_a_plugin_that_broke_is_tried_again(state: State, clock, alert: Alert) -> None:  # type: ignore[no-untyped-def]
    box = outbox(state, clock, Sink(PluginError("pager", "took too long")))
    box.dispatch()
    clock.advance(seconds=10)
    assert box.dispatch() == 1


def test_dead_letters_can_be_redriven_within_fourteen_days(state: State, clock, alert: Alert) -> None:  # type: ignore[no-untyped-def]
    sink = Sink(NeedsOperator("no permission"))
    box = outbox(state, clock, sink)
    box.dispatch()
    document = next(state.scan("alerts", "dead/"))
    assert document.expires == pytest.approx(clock() + DEAD_FOR, abs=timedelta(seconds=1))
    assert box.redrive("chat") == 0
    assert box.redrive() == 1
    assert box.dispatch() == 1
    assert list(box.dead()) == []
    assert sink.got[0].key == sink.got[1].key


def test_a_destination_that_is_not_running_keeps_its_message_among_the_dead(
    state: State, clock: object, alert: Alert
) -> None:
    box = outbox(state, clock)
    box.dispatch()
    [letter] = box.dead()
    assert "'pager'" in letter.error
    assert box.redrive("pager") == 1
    assert outbox(state, clock, Sink()).dispatch() == 1


def test_two_dispatchers_do_not_take_the_same_message(state: State, clock: object, alert: Alert) -> None:
    class Nested(Sink):
        @hookimpl
        def deliver(self, delivery: Delivery) -> Receipt:
            assert outbox(state, clock, other).dispatch() == 0
            return super().deliver(delivery)

    other, sink = Sink(), Nested()
    assert outbox(state, clock, sink).dispatch() == 1
    assert (len(sink.got), len(other.got)) == (1, 0)


def test_who_loses_the_lease_does_not_disturb_who_has_it(state: State, clock, alert: Alert) -> None:  # type: ignore[no-untyped-def]
    class Slow(Sink):
        @hookimpl
        def deliver(self, delivery: Delivery) -> Receipt:
            clock.advance(seconds=LEASE.total_seconds() + 1)
            assert outbox(state, clock, other).dispatch() == 1
            raise Retry("too slow")

    other = Sink()
    box = outbox(state, clock, Slow())
    box.dispatch()
    assert other.got[0].attempt == 2
    assert statuses(box, alert) == ["delivered"]
    assert list(box.waiting()) == []


def test_a_process_that_dies_in_every_attempt_is_not_asked_for_ever(state: State, clock, alert: Alert) -> None:  # type: ignore[no-untyped-def]
    class Killed(Sink):
        @hookimpl
        def deliver(self, delivery: Delivery) -> Receipt:
            raise KeyboardInterrupt

    box = outbox(state, clock, Killed())
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            box.dispatch()
        clock.advance(seconds=LEASE.total_seconds())
    box.dispatch()
    [letter] = box.dead()
    assert "the process died" in letter.error


def test_a_receipt_is_there_for_the_next_message_of_the_alert(state: State, clock: object, alert: Alert) -> None:
    sink = Sink()
    box = outbox(state, clock, sink)
    box.dispatch()
    document = state.get("alerts", f"deliveries/{alert.id}")
    assert document is not None
    assert document.value["receipts"] == {"pager": "ticket-1"}


@pytest.mark.parametrize(
    ("attempts", "delivered", "grade"),
    [
        (0, 0, "unknown"),
        (100, 95, "healthy"),
        (100, 94, "degraded"),
        (100, 80, "degraded"),
        (100, 79, "unhealthy"),
        (1, 0, "unhealthy"),
    ],
)
def test_health_is_graded(attempts: int, delivered: int, grade: str) -> None:
    assert Health(attempts, delivered).grade == grade


def test_health_counts_the_last_day_and_forgets(state: State, clock, alert: Alert) -> None:  # type: ignore[no-untyped-def]
    box = outbox(state, clock, Sink(Retry("busy")))
    assert box.health("pager").grade == "unknown"
    box.dispatch()
    clock.advance(seconds=10)
    box.dispatch()
    known = box.health("pager")
    assert (known.attempts, known.delivered, known.failed, known.success_rate) == (2, 1, 1, 0.5)
    assert (known.last_success, [each.reason for each in known.failures]) == (clock(), ["busy"])
    assert box.health("pag") == Health(0, 0)
    clock.advance(hours=25)
    assert box.health("pager").grade == "unknown"


_DISPATCH = """
import os, signal, sys
from pathlib import Path
from mantissa_core.alert.file import File
from mantissa_core.alert.outbox import Outbox
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

folder, point = Path(sys.argv[1]), int(sys.argv[2])
calls = 0

def counted(real):
    def call(*arguments):
        global calls
        result = real(*arguments)
        calls += 1
        if calls == point:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

os.pwrite, os.fsync = counted(os.pwrite), counted(os.fsync)
store = SQLite(SQLite.Config(path=folder / "state.sqlite"))
store.commit_documents = counted(store.commit_documents)
Outbox(State(store), {"file": File(File.Config(path=folder / "alerts.ndjson"))}).dispatch()
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("point", range(1, 6))
def test_a_kill_at_any_step_of_a_delivery_writes_the_alert_once(tmp_path: Path, signal: Make, point: int) -> None:
    from mantissa_core.alert.file import File
    from mantissa_core.state.sqlite import SQLite

    state = State(SQLite(SQLite.Config(path=tmp_path / "state.sqlite")))
    Alerts(state).apply([signal("a")], [Route("file")])
    subprocess.run([sys.executable, "-c", _DISPATCH, str(tmp_path), str(point)], check=False)
    sinks = {"file": File(File.Config(path=tmp_path / "alerts.ndjson"))}

    class Later:
        def __call__(self):  # type: ignore[no-untyped-def]
            from datetime import UTC, datetime

            return datetime.now(UTC) + LEASE

    Outbox(state, sinks, clock=Later()).dispatch()  # type: ignore[arg-type]
    assert len((tmp_path / "alerts.ndjson").read_text().splitlines()) == 1
    assert list(Outbox(state, {}).waiting()) == []
