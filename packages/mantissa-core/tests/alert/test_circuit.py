"""A destination that fails is left alone, probed now and then, and gets everything once it is back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.outbox.circuit import LONGEST, SHORTEST, THRESHOLD
from mantissa_core.alert.outbox.redrive import MOST
from mantissa_core.alert.route import Route
from mantissa_core.errors import NeedsOperator, PluginError, Retry
from mantissa_core.model import Delivery, Receipt
from mantissa_core.state.documents import State

HOUR = 3600


class Service:
    """A destination that drops a repeated key, and fails as ``fault`` says: with an error, for some messages or all."""

    def __init__(self) -> None:
        self.fault: Callable[[Delivery], Exception | None] = lambda _: None
        self.kept: dict[str, Delivery] = {}
        self.asked: list[Delivery] = []

    def down(self, error: Exception) -> None:
        self.fault = lambda _: error

    def up(self) -> None:
        self.fault = lambda _: None

    def deliver(self, delivery: Delivery) -> Receipt:
        self.asked.append(delivery)
        if error := self.fault(delivery):
            raise error
        self.kept.setdefault(delivery.key, delivery)
        return Receipt(delivery.key)


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def box(state, clock, service):
    return Outbox(state, {"pager": service}, clock=clock)


@pytest.fixture
def opened(state, clock, signal):
    """``opened("a", "b")``: alerts of their own, a second apart, in the outbox."""

    def make(*names):
        alerts = []
        for name in names:
            made = signal(name, group={"user": name}, summary=name)
            alerts += [each for _, each in Alerts(state, clock=clock).apply([made], [Route("pager")])]
            clock.advance(seconds=1)
        return alerts

    return make


def run(box, clock, seconds, step=1):
    """Dispatch every ``step`` seconds, as the service does; return how many messages were delivered."""
    delivered = 0
    for _ in range(seconds // step):
        delivered += box.dispatch()
        clock.advance(seconds=step)
    return delivered


def test_after_five_failures_in_a_row_nothing_is_attempted(box, clock, service, opened):
    service.down(Retry("503"))
    opened(*"abcdefgh")
    box.dispatch()
    assert len(service.asked) == THRESHOLD
    assert (box.circuit("pager").state, box.circuit("pager").error) == ("open", "503")
    run(box, clock, int(SHORTEST) - 1)
    assert len(service.asked) == THRESHOLD
    assert sum(each.attempt for each in box.waiting()) == THRESHOLD  # three messages were not touched


def test_a_success_in_between_counts_from_the_start_again(box, clock, service, opened):
    service.fault = lambda delivery: None if delivery.alert.summary == "c" else Retry("503")
    opened(*"abcdef")
    box.dispatch()
    assert (len(service.asked), box.circuit("pager").failures) == (6, 3)
    assert box.circuit("pager").closed


def test_one_message_probes_after_a_pause_that_doubles(box, clock, service, opened):
    service.down(Retry("503"))
    opened(*"abcdefgh")
    box.dispatch()
    start, times = clock(), []
    for _ in range(2 * HOUR):
        before = len(service.asked)
        box.dispatch()
        times += [round((clock() - start).total_seconds())] * (len(service.asked) - before)
        clock.advance(seconds=1)
    pauses = [later - earlier for earlier, later in zip([0, *times], times, strict=False)]
    assert pauses[:7] == [30, 60, 120, 240, 480, 600, 600]
    assert max(pauses) == LONGEST
    assert {each.alert.summary for each in service.asked[THRESHOLD:]} == {"a"}  # the oldest
    assert not list(box.dead())  # a probe costs none of a message's tries


def test_what_the_destination_asks_for_is_the_pause(box, clock, service, opened):
    service.down(Retry("429", after=300))
    opened(*"abcde")
    box.dispatch()
    run(box, clock, 299)
    assert len(service.asked) == THRESHOLD
    run(box, clock, 2)
    assert len(service.asked) == THRESHOLD + 1


@pytest.mark.parametrize("error", [Retry("503"), Retry("429", after=7)], ids=["down", "throttled"])
def test_an_hour_of_it_loses_nothing_doubles_nothing_and_keeps_the_order(box, clock, service, opened, error):
    service.down(error)
    names = [f"{number:02}" for number in range(40)]
    alerts = []
    for name in names:
        alerts += opened(name)
        run(box, clock, HOUR // len(names), step=5)
    assert service.kept == {}
    asked = len(service.asked)
    assert asked < 40, "an hour's messages are not tried again and again"
    service.up()
    run(box, clock, int(LONGEST) + 60, step=5)
    assert [each.alert.summary for each in service.kept.values()] == names
    assert len(service.asked) == asked + len(names)
    assert [list(box.waiting()), list(box.dead())] == [[], []]
    assert box.circuit("pager").closed


def test_a_single_message_that_was_given_up_while_it_was_down_comes_back_by_itself(box, clock, service, opened):
    service.down(Retry("503"))
    opened("a")
    run(box, clock, 75)
    [letter] = box.dead()
    assert "given up after 4 attempts" in letter.error
    service.up()
    assert run(box, clock, 60) == 1
    assert list(box.dead()) == []


def test_what_was_refused_for_good_does_not_come_back_by_itself(box, clock, service, opened):
    service.fault = lambda delivery: NeedsOperator("no such channel") if delivery.alert.summary == "x" else Retry("503")
    opened(*"xabcde")
    box.dispatch()
    service.up()
    run(box, clock, 60)
    assert [each.alert.summary for each in service.kept.values()] == list("abcde")
    assert [each.error for each in box.dead()] == ["no such channel"]
    assert box.redrive("pager") == 1
    assert box.dispatch() == 1


def test_a_message_that_can_never_be_delivered_holds_up_no_other_for_long(box, clock, service, opened):
    service.fault = lambda delivery: Retry("500") if delivery.alert.summary == "poison" else None
    opened("poison")
    run(box, clock, 20 * 60, step=5)
    assert box.circuit("pager").state == "open"
    opened("fine")
    assert run(box, clock, int(SHORTEST) + 2) == 1
    assert [each.alert.summary for each in service.kept.values()] == ["fine"]


def test_a_message_that_can_never_be_delivered_is_not_sent_for_ever(box, clock, service, opened):
    service.fault = lambda delivery: Retry("500") if delivery.alert.summary == "poison" else None
    opened("poison")
    for number in range(20):
        run(box, clock, 15 * 60, step=15)
        opened(f"fine {number}")
    run(box, clock, HOUR, step=15)
    assert len(service.kept) == 20
    [letter] = box.dead()
    assert letter.redriven == MOST
    before = len(service.asked)
    run(box, clock, HOUR, step=15)
    assert len(service.asked) == before


def test_of_one_alert_what_was_given_up_goes_before_what_came_later(box, clock, service, opened, state):
    from mantissa_core.alert.lifecycle import Lifecycle, Step

    service.down(Retry("503"))
    [alert] = opened("a")
    run(box, clock, 75)
    assert len(list(box.dead())) == 1
    Lifecycle(state, lambda: [Route("pager")], clock=clock).change(alert.id, Step.RESOLVE, by="amara")
    service.up()
    run(box, clock, 60)
    assert [each.event for each in service.kept.values()] == ["opened", "resolved"]


def test_a_plugin_that_hangs_opens_the_circuit_at_once_and_is_revived_by_the_probe(state, clock, service, opened):
    hung = set()

    def revive(label):
        hung.discard(label)
        service.up()
        return True

    def hang(_delivery):
        hung.add("pager")
        return PluginError("alert_sinks/pager", "deliver: no answer within 45 s")

    box = Outbox(state, {"pager": service}, hung=hung.__contains__, revive=revive, clock=clock)
    service.fault = hang
    opened("a", "b")
    box.dispatch()
    assert (len(service.asked), box.circuit("pager").state) == (1, "open")
    assert run(box, clock, int(SHORTEST) + 2) == 2
    assert hung == set()


def test_the_circuit_is_seen_by_other_processes_and_one_of_them_probes(state, clock, service, opened):
    meanwhile = []

    class Probed(Service):
        def deliver(self, delivery):
            if len(self.asked) == THRESHOLD:
                meanwhile.append(other.dispatch())
            return super().deliver(delivery)

    first = Probed()
    box = Outbox(state, {"pager": first}, clock=clock)
    other = Outbox(state, {"pager": service}, clock=clock)
    first.down(Retry("503"))
    opened(*"abcdef")
    box.dispatch()
    assert other.circuit("pager").state == "open"
    assert other.dispatch() == 0
    clock.advance(seconds=SHORTEST)
    box.dispatch()
    assert (meanwhile, len(first.asked), service.asked) == ([0], THRESHOLD + 1, [])


def test_a_process_that_dies_while_it_probes_is_followed_by_another(state, clock, service, opened):
    class Killed(Service):
        def deliver(self, delivery):
            if not self.fault(delivery):
                raise KeyboardInterrupt
            return super().deliver(delivery)

    killed = Killed()
    box = Outbox(state, {"pager": killed}, clock=clock)
    killed.down(Retry("503"))
    opened(*"abcde")
    box.dispatch()
    clock.advance(seconds=SHORTEST)
    killed.up()
    with pytest.raises(KeyboardInterrupt):
        box.dispatch()
    other = Outbox(state, {"pager": service}, clock=clock)
    assert other.dispatch() == 0
    assert run(other, clock, 70) == 5


@pytest.mark.parametrize("hours", [-48, -1, 1, 48])
def test_a_step_of_the_clock_does_not_keep_messages_for_ever(box, clock, service, opened, hours):
    service.down(Retry("503"))
    opened(*"abcdef")
    box.dispatch()
    clock.advance(hours=hours)
    service.up()
    assert run(box, clock, 120) == 6


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_step_of_the_clock_does_not_keep_a_lease_for_ever(state: State, clock, service, opened, hours):
    class Killed(Service):
        def deliver(self, delivery):
            raise KeyboardInterrupt

    opened("a")
    with pytest.raises(KeyboardInterrupt):
        Outbox(state, {"pager": Killed()}, clock=clock).dispatch()
    clock.now += timedelta(hours=hours)
    assert run(Outbox(state, {"pager": service}, clock=clock), clock, 90) == 1
