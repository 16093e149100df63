"""The figures are those of what happened, whatever crashed or was repeated in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.lifecycle import Lifecycle, Step
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.route import Route
from mantissa_core.alert.statistics import tallies
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Delivery, Put, Receipt, Severity, Signal
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

from .conftest import START, Clock

Make = Callable[..., Signal]
SINCE = START.replace(hour=0)
ROUTES = [Route("chat"), Route("pager", severities={Severity.HIGH})]


class Takes:
    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        return Receipt(delivery.key)


def figures(state: State, filtered: Mapping[tuple[str, str, str], int] | None = None) -> list[tuple[object, ...]]:
    """Day, rule, and the counts: signals, alerts, notified, repeats, filtered, muted."""
    return [astuple(each)[:2] + astuple(each)[3:] for each in tallies(state, SINCE, filtered or {})]


def test_each_rule_and_day_has_its_signals_alerts_messages_and_repeats(state: State, signal: Make) -> None:
    Alerts(state).apply(
        [
            *(signal(f"a{n}", n) for n in range(5)),
            signal("b", 60),
            signal("low", 0, severity=Severity.LOW),
            signal("other", 0, rule_id="rule-2"),
            signal("next", 24 * 60),
            signal("before", -24 * 60),
        ],
        ROUTES,
    )
    sinks = {"chat": Takes(), "pager": Takes()}
    Outbox(state, sinks).dispatch()  # type: ignore[arg-type]
    assert figures(state) == [
        ("2026-03-03", "rule-1", 1, 1, 2, 0, 0, 0),
        ("2026-03-02", "rule-1", 7, 3, 5, 4, 0, 0),
        ("2026-03-02", "rule-2", 1, 1, 2, 0, 0, 0),
    ]


def test_what_filters_silenced_counts_beside_and_alone(state: State, signal: Make) -> None:
    Alerts(state).apply([signal("a")], [])
    filtered = {("2026-03-02", "rule-1", "r"): 4, ("2026-03-04", "rule-9", "r"): 2}
    assert figures(state, filtered) == [
        ("2026-03-04", "rule-9", 0, 0, 0, 0, 2, 0),
        ("2026-03-02", "rule-1", 1, 1, 0, 0, 4, 0),
    ]


def test_an_alert_that_a_maintenance_window_muted_is_counted(state: State, signal: Make) -> None:
    [(_, alert)] = Alerts(state).apply([signal("a")], [])
    state.update("alerts", f"alert/{alert.id}", lambda value: {**(value or {}), "muted_by": "upgrade"})
    assert figures(state) == [("2026-03-02", "rule-1", 1, 1, 0, 0, 0, 1)]


def test_a_signal_that_reopens_an_alert_is_no_repeat(state: State, signal: Make, clock: Clock) -> None:
    alerts = Alerts(state, clock=clock)
    now = clock.now.replace(microsecond=0)
    [(_, alert)] = alerts.apply([signal("a", time=now)], ROUTES)
    Lifecycle(state, clock=clock).change(alert.id, Step.RESOLVE, by="lin")
    again = clock.now + timedelta(minutes=1)
    alerts.apply([signal("b", time=again), signal("c", time=again + timedelta(seconds=1))], ROUTES)
    members = {each.key: each.value["repeat"] for each in state.scan("alerts", "member/")}
    assert members == {"member/signal-a": False, "member/signal-b": False, "member/signal-c": True}
    [tally] = tallies(state, now - timedelta(days=1), {})
    assert (tally.signals, tally.alerts, tally.repeats) == (3, 1, 1)


class Interrupted(Exception):
    """The process dies here."""


class Dying:
    """A state whose commits end the process before or after they take effect."""

    def __init__(self, state: State, plan: Sequence[str]) -> None:
        self._state, self._plan = state, iter(plan)

    def commit(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int] | None = None) -> None:
        fate = next(self._plan, "live")
        if fate == "before":
            raise Interrupted
        self._state.commit(partition, puts, expects)
        if fate == "after":
            raise Interrupted

    def __getattr__(self, name: str) -> object:
        return getattr(self._state, name)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(st.sampled_from(["live", "before", "after"]), max_size=12))
def test_neither_crashes_nor_replays_change_a_figure(
    tmp_path_factory: pytest.TempPathFactory, signal: Make, plan: list[str]
) -> None:
    state = State(SQLite(SQLite.Config(path=Path(tmp_path_factory.mktemp("state")) / "state.sqlite")))
    signals = [signal(f"{n}", n / 100, group={"user": f"u{n % 3}"}, rule_id=f"rule-{n % 2}") for n in range(120)]
    dying = Alerts(Dying(state, plan))  # type: ignore[arg-type]
    while True:
        try:
            dying.apply(signals, ROUTES)
            break
        except Interrupted:
            continue
    Alerts(state).apply(signals, ROUTES)
    repeats = sum(each.value["repeat"] for each in state.scan("alerts", "member/"))
    assert repeats == 120 - 6
    assert figures(state) == [
        ("2026-03-02", "rule-0", 60, 3, 0, 57, 0, 0),
        ("2026-03-02", "rule-1", 60, 3, 0, 57, 0, 0),
    ]
