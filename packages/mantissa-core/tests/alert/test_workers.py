"""Destinations are worked on side by side: one that hangs, blocks or breaks holds up no other."""

from __future__ import annotations

import threading
import time

import pytest
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.outbox.rounds import Rounds
from mantissa_core.alert.route import Route
from mantissa_core.errors import Retry, StateError
from mantissa_core.model import Receipt
from mantissa_core.state.documents import State

PATIENCE = 30


class Sink:
    def __init__(self, *outcomes):
        self.got, self._outcomes = [], list(outcomes)

    def deliver(self, delivery):
        self.got.append(delivery)
        if self._outcomes and (error := self._outcomes.pop(0)):
            raise error
        return Receipt("ok")


class Hanging(Sink):
    """Does not answer until it is released."""

    def __init__(self):
        super().__init__()
        self.released, self.reached = threading.Event(), threading.Event()

    def deliver(self, delivery):
        self.reached.set()
        assert self.released.wait(PATIENCE)
        return super().deliver(delivery)


def _eventually(holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


@pytest.fixture
def opened(state, signal):
    def make(name, *labels):
        made = signal(name, group={"user": name}, summary=name)
        return Alerts(state).apply([made], [Route(label) for label in labels])[0][1]

    return make


def test_a_destination_that_hangs_holds_up_no_other(state, opened):
    slow, quick = Hanging(), Sink()
    box = Outbox(state, {"slow": slow, "quick": quick})
    opened("a", "slow", "quick")
    box.wake()
    assert slow.reached.wait(PATIENCE)
    _eventually(lambda: len(quick.got) == 1)
    opened("b", "slow", "quick")  # comes while the other still hangs
    box.wake()
    _eventually(lambda: len(quick.got) == 2)
    assert slow.got == []
    slow.released.set()
    _eventually(lambda: len(slow.got) == 2)
    box.stop()


def test_dispatch_waits_for_all_and_counts_all(state, opened):
    sinks = {f"sink-{number}": Sink() for number in range(40)}  # more than may work at once
    opened("a", *sinks)
    opened("b", *sinks)
    assert Outbox(state, sinks).dispatch() == 80
    assert {len(each.got) for each in sinks.values()} == {2}


def test_no_more_destinations_than_allowed_are_worked_on_at_once():
    at_once, most, lock, gate = [0], [0], threading.Lock(), threading.Barrier(3)

    def work(_label):
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        gate.wait(PATIENCE)
        with lock:
            at_once[0] -= 1
        return 1, False

    done = Rounds(work, most=3).start([f"d{number}" for number in range(9)])
    assert sum(each.result(PATIENCE) for each in done) == 9
    assert most[0] == 3


def test_a_message_that_waits_holds_up_those_of_its_alert_alone(state, clock, opened):
    from mantissa_core.alert.lifecycle import Lifecycle, Step

    class Picky(Sink):
        def deliver(self, delivery):
            self.got.append(delivery)
            if delivery.alert.summary == "a" and delivery.event == "opened" and delivery.attempt == 1:
                raise Retry("not this one")
            return Receipt("ok")

    sink = Picky()
    box = Outbox(state, {"pager": sink}, clock=clock)
    alert = opened("a", "pager")
    opened("b", "pager")
    Lifecycle(state, lambda: [Route("pager")]).change(alert.id, Step.RESOLVE, by="amara")
    clock.advance(minutes=1)  # behind the moment at which these were queued
    assert box.dispatch() == 1
    clock.advance(seconds=10)
    assert box.dispatch() == 2
    assert [(each.alert.summary, each.event) for each in sink.got] == [
        ("a", "opened"),
        ("b", "opened"),
        ("a", "opened"),
        ("a", "resolved"),
    ]


class Full:
    """A store whose disk is full for what ``refuses`` says."""

    def __init__(self, store):
        self.store, self.refuses = store, lambda puts: False

    def get_documents(self, *arguments):
        return self.store.get_documents(*arguments)

    def scan_documents(self, *arguments):
        return self.store.scan_documents(*arguments)

    def commit_documents(self, partition, puts, expects):
        if self.refuses(puts):
            raise StateError("state.sqlite: database or disk is full")
        self.store.commit_documents(partition, puts, expects)


def test_a_full_disk_before_an_attempt_sends_nothing_and_loses_nothing(state, opened):
    sink, disk = Sink(), Full(state._store)
    opened("a", "pager")
    box = Outbox(State(disk), {"pager": sink})
    disk.refuses = lambda puts: True
    with pytest.raises(StateError, match="disk is full"):
        box.dispatch()
    assert sink.got == []
    disk.refuses = lambda puts: False
    assert box.dispatch() == 1


def test_a_full_disk_after_an_attempt_repeats_it_under_its_key_and_says_so(state, clock, opened, capsys):
    sink, disk = Sink(), Full(state._store)
    opened("a", "pager")
    clock.advance(seconds=1)
    box = Outbox(State(disk), {"pager": sink}, clock=clock)
    disk.refuses = lambda puts: any(put.key.startswith("deliveries/") for put in puts)
    with pytest.raises(StateError):
        box.dispatch()
    assert "delivered, but not recorded" in capsys.readouterr().out
    disk.refuses = lambda puts: False
    assert box.dispatch() == 0  # the lease of the attempt
    clock.advance(seconds=60)
    assert box.dispatch() == 1
    assert [each.attempt for each in sink.got] == [1, 2]
    assert len({each.key for each in sink.got}) == 1


def test_a_destination_that_an_error_stopped_is_told_of_once_and_rests_longer_each_time(capsys):
    now = [0.0]

    def work(_label):
        raise StateError("disk is full")

    rounds = Rounds(work, clock=lambda: now[0])
    rests = []
    for _ in range(4):
        [done] = rounds.start(["pager"])
        assert isinstance(done.exception(PATIENCE), StateError)
        start = now[0]
        while not rounds.rested(["pager"]):
            now[0] += 0.5
        rests.append(now[0] - start)
    assert rests == [1, 2, 4, 8]
    assert capsys.readouterr().out.count("disk is full") == 1


def test_messages_for_a_destination_that_is_down_are_not_read(state, clock, opened):
    read = []

    class Counting(Full):
        def scan_documents(self, partition, prefix, after, limit):
            found = super().scan_documents(partition, prefix, after, limit)
            read.extend(each.key for each in found if each.key.startswith("outbox/"))
            return found

    for number in range(300):
        opened(f"{number}", "pager")
    clock.advance(minutes=1)
    box = Outbox(State(Counting(state._store)), {"pager": Sink(*(Retry("503") for _ in range(5)))}, clock=clock)
    box.dispatch()
    assert box.circuit("pager").state == "open"
    read.clear()
    for _ in range(20):
        assert box.dispatch() == 0
        clock.advance(seconds=1)
    assert len(read) == 20  # one each, to learn which destinations there are
