"""What time makes happen to alerts: chains while nobody acknowledges, and maintenance windows that close."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.escalation import Escalation
from mantissa_core.alert.lifecycle import Lifecycle, Step
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.route import Route
from mantissa_core.alert.routing.routing import Routing
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Alert, Delivery, Put, Receipt, Severity, Signal
from mantissa_core.state.documents import State

from .conftest import Clock
from .test_routing import routing

Make = Callable[..., Signal]
CHAIN = {"on-call": {"steps": [{"after": "15m", "to": ["pager"]}, {"after": "30m", "to": ["pager", "boss"]}]}}
HIGH = {"to": ["chat"], "when": {"severities": ["high"]}, "escalation": "on-call"}
SINKS: dict[str, Any] = {"chat": {}, "pager": {"severity_filter": []}, "boss": {"severity_filter": []}}


class Sink:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, str]] = []

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        self.got.append((delivery.destination, delivery.event, delivery.alert.status))
        return Receipt("1")


class Instance:
    """Alerts, their steps, and their timers, on one state store and one clock."""

    def __init__(self, state: State, clock: Clock, subject: Routing) -> None:
        self.state, self.clock, self.subject = state, clock, subject
        self.alerts = Alerts(state, clock=clock)
        self.lifecycle = Lifecycle(state, lambda: self.subject, clock=clock)
        self.escalation = Escalation(state, lambda: self.subject, clock=clock)
        self.sink = Sink()
        self.outbox = Outbox(state, dict.fromkeys(SINKS, self.sink), clock=clock)

    def open(self, signal: Make, name: str = "a", **changes: Any) -> Alert:
        [(_, alert)] = self.alerts.apply([signal(name, time=self.clock(), **changes)], self.subject)
        return alert

    def after(self, **span: float) -> list[tuple[str, str, str]]:
        """What people are told when so much time has passed."""
        self.clock.advance(**span)
        self.escalation.run()
        return self.told()

    def told(self) -> list[tuple[str, str, str]]:
        """What people were told since the last look."""
        self.sink.got.clear()
        while self.outbox.dispatch():
            pass
        return sorted(self.sink.got)

    def history(self, alert: Alert) -> list[str]:
        return [f"{each.action}: {each.note}" for each in self.lifecycle.history(alert.id)]


@pytest.fixture
def escalating(state: State, clock: Clock) -> Instance:
    return Instance(state, clock, routing(sinks=SINKS, routes={"high": HIGH}, escalations=CHAIN))


def test_each_step_is_taken_once_when_its_time_comes(escalating: Instance, signal: Make) -> None:
    alert = escalating.open(signal)
    assert escalating.told() == [("chat", "opened", "open")]
    assert escalating.after(minutes=14, seconds=59) == []
    assert escalating.after(seconds=1) == [("pager", "opened", "open")]
    assert escalating.after(minutes=14) == []
    assert escalating.after(minutes=1) == [("boss", "opened", "open"), ("pager", "updated", "open")]
    assert escalating.after(days=2) == []
    assert escalating.history(alert) == [
        "escalate: step 1 of on-call: told pager",
        "escalate: step 2 of on-call: told pager, boss",
    ]
    assert list(escalating.state.scan("alerts", "escalation/")) == []


def test_a_chain_does_not_begin_for_what_its_route_does_not_take(escalating: Instance, signal: Make) -> None:
    escalating.open(signal, severity=Severity.LOW)
    assert escalating.after(hours=1) == []


@pytest.mark.parametrize("step", [Step.ACKNOWLEDGE, Step.RESOLVE, Step.SUPPRESS])
def test_whoever_takes_the_alert_stops_the_chain(escalating: Instance, signal: Make, step: Step) -> None:
    alert = escalating.open(signal)
    assert escalating.after(minutes=20) == [("chat", "opened", "open"), ("pager", "opened", "open")]
    escalating.lifecycle.change(alert.id, step, by="amara")
    event = "updated" if step is Step.ACKNOWLEDGE else "resolved"
    status = escalating.alerts.get(alert.id).status  # type: ignore[union-attr]
    assert escalating.told() == [("chat", event, status), ("pager", event, status)]
    assert escalating.after(hours=1) == []
    assert list(escalating.state.scan("alerts", "escalation/")) == []


def test_an_alert_that_is_reopened_begins_its_chain_again_and_once(escalating: Instance, signal: Make) -> None:
    alert = escalating.open(signal)
    escalating.clock.advance(minutes=10)
    escalating.lifecycle.change(alert.id, Step.ACKNOWLEDGE, by="amara")
    escalating.lifecycle.change(alert.id, Step.REOPEN, by="amara")
    escalating.told()
    assert escalating.after(minutes=6) == []  # the first chain would be due
    assert escalating.after(minutes=9) == [("pager", "opened", "open")]


def test_an_alert_that_goes_on_after_it_was_resolved_begins_its_chain_again(escalating: Instance, signal: Make) -> None:
    alert = escalating.open(signal)
    escalating.lifecycle.change(alert.id, Step.RESOLVE, by="lin")
    escalating.told()
    escalating.clock.advance(minutes=3)
    assert escalating.open(signal, "b").id == alert.id
    assert escalating.told() == [("chat", "updated", "open")]
    assert escalating.after(minutes=13) == []
    assert escalating.after(minutes=2) == [("pager", "opened", "open")]


def test_what_was_missed_while_nothing_ran_is_made_up_for(escalating: Instance, signal: Make) -> None:
    escalating.open(signal)
    escalating.told()
    assert escalating.after(hours=3) == [("pager", "opened", "open")]
    assert escalating.after() == [("boss", "opened", "open"), ("pager", "updated", "open")]


def test_a_step_to_missing_sinks_is_told_of_and_the_chain_goes_on(state: State, clock: Clock, signal: Make) -> None:
    sinks = {"chat": {}, "boss": {"severity_filter": []}, "pager": {"enabled": False}}
    instance = Instance(state, clock, routing(sinks=sinks, routes={"high": HIGH}, escalations=CHAIN))
    alert = instance.open(signal)
    instance.told()
    assert instance.after(minutes=15) == []
    assert instance.after(minutes=15) == [("boss", "opened", "open")]
    assert instance.history(alert) == [
        "escalate: step 1 of on-call: nobody could be told; not running: pager",
        "escalate: step 2 of on-call: told boss; not running: pager",
    ]


def test_a_chain_that_was_taken_out_of_the_configuration_ends(escalating: Instance, signal: Make) -> None:
    escalating.open(signal)
    escalating.told()
    escalating.subject = routing(sinks=SINKS)
    assert escalating.after(hours=1) == []
    assert list(escalating.state.scan("alerts", "escalation/")) == []


class Crash(Exception):
    """The process is gone."""


class Interrupted:
    """A state whose commit number ``at`` never happens, or happens and is the last that the process does."""

    def __init__(self, state: State, at: int, before: Callable[[], object] | None, *, written: bool) -> None:
        self._state, self._at, self._before, self._written = state, at, before, written
        self.commits = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)

    def commit(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int] | None = None) -> None:
        self.commits += 1
        if self.commits != self._at:
            self._state.commit(partition, puts, expects)
            return
        if self._before:
            self._before()
        if self._written or self._before:
            self._state.commit(partition, puts, expects)
        if not self._before:
            raise Crash


@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_kill_at_any_commit_loses_no_step_and_doubles_none(
    escalating: Instance, signal: Make, at: int, written: bool
) -> None:
    for name in "abc":
        escalating.open(signal, name, group={"user": name})
    escalating.told()
    escalating.clock.advance(minutes=15)
    dying: Any = Interrupted(escalating.state, at, None, written=written)
    with pytest.raises(Crash):
        Escalation(dying, lambda: escalating.subject, clock=escalating.clock).run()
    assert escalating.after() == [("pager", "opened", "open")] * 3
    assert escalating.after() == []


def test_two_processes_take_a_step_once(escalating: Instance, signal: Make) -> None:
    escalating.open(signal)
    escalating.told()
    escalating.clock.advance(minutes=15)
    faster = Escalation(escalating.state, lambda: escalating.subject, clock=escalating.clock)
    state: Any = Interrupted(escalating.state, 1, faster.run, written=True)
    assert Escalation(state, lambda: escalating.subject, clock=escalating.clock).run() == 0
    assert escalating.told() == [("pager", "opened", "open")]


def test_an_acknowledgement_in_the_same_moment_wins_or_comes_after(escalating: Instance, signal: Make) -> None:
    alert = escalating.open(signal)
    escalating.told()
    escalating.clock.advance(minutes=15)

    def acknowledge() -> None:
        escalating.lifecycle.change(alert.id, Step.ACKNOWLEDGE, by="amara")

    state: Any = Interrupted(escalating.state, 1, acknowledge, written=True)
    Escalation(state, lambda: escalating.subject, clock=escalating.clock).run()
    assert escalating.after(hours=1) == [("chat", "updated", "acknowledged")]


def maintained(state: State, clock: Clock, **others: Any) -> Instance:
    """An instance with a window that is open for two hours."""
    window = {"start": clock() - timedelta(hours=1), "end": clock() + timedelta(hours=2)}
    routes = {"high": HIGH} | others.pop("routes", {})
    return Instance(
        state, clock, routing(sinks=SINKS, routes=routes, escalations=CHAIN, maintenance={"upgrade": window | others})
    )


def test_an_alert_in_a_maintenance_window_is_told_when_the_window_closes(
    state: State, clock: Clock, signal: Make
) -> None:
    instance = maintained(state, clock)
    alert = instance.open(signal)
    assert (alert.muted_by, alert.status) == ("upgrade", "open")
    assert instance.after(hours=1, minutes=59) == []
    assert instance.after(minutes=1) == [("chat", "opened", "open")]
    stored = instance.alerts.get(alert.id)
    assert stored is not None
    assert stored.muted_by == ""
    assert instance.after(minutes=15) == [("pager", "opened", "open")]  # the chain begins when people are told
    done = instance.history(alert)
    assert done[0].startswith("mute: maintenance window upgrade until ")
    assert done[1:] == ["unmute: the maintenance window is over", "escalate: step 1 of on-call: told pager"]
    assert list(state.scan("alerts", "muted/")) == []


@pytest.mark.parametrize("step", [Step.ACKNOWLEDGE, Step.RESOLVE, Step.SUPPRESS])
def test_nobody_hears_of_a_muted_alert_that_somebody_took(state: State, clock: Clock, signal: Make, step: Step) -> None:
    instance = maintained(state, clock)
    alert = instance.open(signal)
    instance.lifecycle.change(alert.id, step, by="amara")
    assert instance.told() == []
    assert instance.after(hours=3) == []
    assert list(state.scan("alerts", "muted/")) == []


def test_nobody_hears_of_an_alert_that_was_taken_just_when_its_window_closed(
    state: State, clock: Clock, signal: Make
) -> None:
    instance = maintained(state, clock)
    alert = instance.open(signal)
    clock.advance(hours=2)
    instance.lifecycle.change(alert.id, Step.ACKNOWLEDGE, by="amara")
    assert instance.after() == []


def test_a_window_that_was_prolonged_goes_on_muting(state: State, clock: Clock, signal: Make) -> None:
    instance = maintained(state, clock)
    alert = instance.open(signal)
    longer = {"start": clock() - timedelta(hours=1), "end": clock() + timedelta(hours=5)}
    instance.subject = routing(sinks=SINKS, maintenance={"upgrade": longer})
    assert instance.after(hours=4) == []
    assert len(instance.history(alert)) == 1
    assert instance.after(hours=1) == [("chat", "opened", "open")]


def test_what_was_told_before_a_window_is_resolved_within_it(state: State, clock: Clock, signal: Make) -> None:
    instance = Instance(state, clock, routing(sinks=SINKS))
    alert = instance.open(signal)
    assert instance.told() == [("chat", "opened", "open")]
    instance.subject = maintained(state, clock).subject
    instance.lifecycle.change(alert.id, Step.RESOLVE, by="amara")
    assert instance.told() == [("chat", "resolved", "resolved")]
    clock.advance(minutes=1)
    again = instance.open(signal, "b")
    assert (again.id, again.status, again.muted_by) == (alert.id, "open", "upgrade")
    assert instance.told() == []
    assert instance.after(hours=2) == [("chat", "updated", "open")]


def test_steps_reach_those_who_heard_of_the_alert_and_those_who_would_now(
    state: State, clock: Clock, signal: Make
) -> None:
    hours = f"{clock():%H:%M}-{clock() + timedelta(hours=2):%H:%M}"
    routes = {"night": {"to": ["pager"], "when": {"hours": hours}}, "rest": {"to": ["chat"], "rest": True}}
    instance = Instance(state, clock, routing(sinks={"pager": {}, "chat": {}, "boss": {}}, routes=routes))
    alert = instance.open(signal)
    assert instance.told() == [("boss", "opened", "open"), ("pager", "opened", "open")]
    clock.advance(hours=5)
    instance.subject = routing(sinks={"pager": {}, "chat": {}, "boss": {"enabled": False}}, routes=routes)
    instance.lifecycle.change(alert.id, Step.RESOLVE, by="lin")
    assert instance.told() == [("chat", "resolved", "resolved"), ("pager", "resolved", "resolved")]


def test_what_goes_on_is_told_to_those_who_heard_of_it_and_those_who_would_now(
    state: State, clock: Clock, signal: Make
) -> None:
    sinks: dict[str, Any] = {"pager": {}, "chat": {}}
    instance = Instance(state, clock, routing(sinks=sinks))
    alert = instance.open(signal)
    instance.lifecycle.change(alert.id, Step.RESOLVE, by="lin")
    assert instance.told() == [
        ("chat", "opened", "open"), ("chat", "resolved", "resolved"), ("pager", "opened", "open"),
        ("pager", "resolved", "resolved"),
    ]  # fmt: skip
    instance.subject = routing(
        sinks=sinks | {"boss": {}}, routes={"none": {"to": ["pager", "chat"], "when": {"tags": ["nothing"]}}}
    )
    clock.advance(minutes=1)
    assert instance.open(signal, "b").id == alert.id
    assert instance.told() == [("boss", "opened", "open"), ("chat", "updated", "open"), ("pager", "updated", "open")]


def test_who_has_a_message_on_its_way_counts_as_told(escalating: Instance, signal: Make) -> None:
    alert = escalating.open(signal)
    escalating.subject = routing(sinks=SINKS, routes={"none": {"to": ["chat"], "when": {"tags": ["nothing"]}}})
    escalating.lifecycle.change(alert.id, Step.RESOLVE, by="lin")
    assert escalating.told() == [("chat", "opened", "open"), ("chat", "resolved", "resolved")]


def test_an_alert_is_routed_by_what_enrichers_know_of_it(state: State, signal: Make) -> None:
    from mantissa_core.alert.enrich.enrichers import Enriched

    facts = {"assets": {"assets": {"db-1": {"environment": "production"}}}}
    subject = routing(
        sinks={"pager": {}, "chat": {}},
        routes={
            "production": {"to": ["pager"], "when": {"environments": ["production"], "entities": {"user": ["al*"]}}},
            "rest": {"to": ["chat"], "rest": True},
        },
    )
    Alerts(state, enrich=lambda _: Enriched(facts, {})).apply([signal("a")], subject)
    Alerts(state).apply([signal("b", group={"user": "b"})], subject)
    assert sorted(each.destination for each in Outbox(state, {}).waiting()) == ["chat", "pager"]


def test_a_plain_list_of_destinations_has_no_rules() -> None:
    subject = Routing.of([Route("chat")])
    assert (len(subject), subject[0].label, subject.rules.routes) == (1, "chat", ())


_ESCALATE = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from mantissa_core.alert.escalation import Escalation
from mantissa_core.alert.route import Route
from mantissa_core.alert.routing.routing import Routing
from mantissa_core.alert.routing.rules import ChainStep, Rules
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

class Mortal(State):
    left = int(sys.argv[2])
    def commit(self, *arguments):
        self.left -= 1
        if self.left == 0 and sys.argv[3] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        super().commit(*arguments)
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

state = Mortal(SQLite(SQLite.Config(path=Path(sys.argv[1]))))
rules = Rules(chains={"on-call": (ChainStep(timedelta(minutes=15), ("pager",)),)})
routing = Routing([Route("chat"), Route("pager")], rules)
Escalation(state, lambda: routing, clock=lambda: datetime.now(UTC) + timedelta(minutes=16)).run()
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_processes_that_are_killed_and_that_compete_take_each_step_once(
    state: State, signal: Make, tmp_path: Path, when: str
) -> None:
    instance = Instance(state, Clock(), routing(sinks=SINKS, routes={"high": HIGH}, escalations=CHAIN))
    opened = {instance.open(signal, f"{number}", group={"user": f"{number}"}).id for number in range(20)}
    instance.told()

    def start(commits: int) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", _ESCALATE, str(tmp_path / "state.sqlite"), str(commits), when]
        return subprocess.Popen(words, stdout=subprocess.DEVNULL)

    assert start(7).wait(60) == -9
    assert sum(1 for _ in instance.outbox.waiting()) == (6 if when == "before" else 7)
    assert [each.wait(60) for each in [start(0), start(0)]] == [0, 0]
    told = [each.alert_id for each in instance.outbox.waiting()]
    assert len(told) == len(opened)
    assert set(told) == opened
    assert [len(instance.lifecycle.history(each)) for each in opened] == [1] * len(opened)
