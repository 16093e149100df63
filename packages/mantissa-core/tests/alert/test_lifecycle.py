from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from mantissa_core.alert import lifecycle
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.lifecycle import Lifecycle, StatusError, Step
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.route import Route
from mantissa_core.alert.telling import PRODUCT
from mantissa_core.alert.verdicts import Verdict, Verdicts
from mantissa_core.errors import MantissaError, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Alert, Delivery, Receipt, Severity, Signal
from mantissa_core.state.documents import State

from .conftest import Clock

Make = Callable[..., Signal]
ROUTES = [Route("pager"), Route("quiet", severities={Severity.CRITICAL})]


@pytest.fixture
def subject(state: State, clock: Clock) -> Lifecycle:
    return Lifecycle(state, lambda: ROUTES, clock=clock)


@pytest.fixture
def alerts(state: State, clock: Clock) -> Alerts:
    return Alerts(state, clock=clock)


@pytest.fixture
def alert(alerts: Alerts, signal: Make, clock: Clock) -> Alert:
    [(_, opened)] = alerts.apply([signal("a", minutes=_minutes(clock))], ROUTES)
    return opened


def _minutes(clock: Clock) -> float:
    """From the signals' noon to the clock's present."""
    from .conftest import START

    return (clock() - START) / timedelta(minutes=1)


class Sink:
    """Takes messages; raises what it is given first."""

    def __init__(self, *errors: Exception) -> None:
        self.got: list[tuple[str, str]] = []
        self._errors = list(errors)

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        if self._errors:
            raise self._errors.pop(0)
        self.got.append((delivery.event, delivery.alert.status))
        return Receipt("1")


def dispatch(state: State, sink: Any, clock: Clock, times: int = 1) -> None:
    for _ in range(times):
        Outbox(state, {"pager": sink}, clock=clock).dispatch()


def test_an_alert_is_acknowledged_resolved_and_reopened_with_who_and_when(
    subject: Lifecycle, alert: Alert, clock: Clock
) -> None:
    for step, by, status in (
        (Step.ACKNOWLEDGE, "amara", "acknowledged"),
        (Step.RESOLVE, "amara", "resolved"),
        (Step.REOPEN, "lin", "open"),
        (Step.SUPPRESS, "lin", "suppressed"),
    ):
        clock.advance(minutes=1)
        changed = subject.change(alert.id, step, by=by, note=f"to {status}")
        assert (changed.status, changed.changed, changed.changed_by) == (status, clock(), by)
    told = [(each.by, each.action, each.note) for each in subject.history(alert.id)]
    assert told == [
        ("amara", "acknowledge", "to acknowledged"),
        ("amara", "resolve", "to resolved"),
        ("lin", "reopen", "to open"),
        ("lin", "suppress", "to suppressed"),
    ]


def test_a_step_that_was_taken_already_changes_nothing(subject: Lifecycle, alert: Alert) -> None:
    first = subject.change(alert.id, Step.ACKNOWLEDGE, by="amara")
    assert subject.change(alert.id, Step.ACKNOWLEDGE, by="lin") == first
    assert len(subject.history(alert.id)) == 1


@pytest.mark.parametrize("step", [Step.ACKNOWLEDGE, Step.SUPPRESS])
def test_what_is_resolved_is_reopened_first(subject: Lifecycle, alert: Alert, step: Step) -> None:
    subject.change(alert.id, Step.RESOLVE, by="amara")
    with pytest.raises(StatusError, match=f"the alert is resolved: {step} it after it was reopened"):
        subject.change(alert.id, step, by="amara")


def test_an_unknown_alert_and_a_long_note_are_refused(subject: Lifecycle, alert: Alert) -> None:
    with pytest.raises(MantissaError, match="there is no alert nobody"):
        subject.change("nobody", Step.RESOLVE, by="amara")
    with pytest.raises(MantissaError, match="4001 characters, expected at most 4000"):
        subject.change(alert.id, Step.RESOLVE, by="amara", note="x" * 4001)


def test_destinations_that_heard_of_the_alert_hear_of_its_steps_in_order(
    subject: Lifecycle, alert: Alert, state: State, clock: Clock
) -> None:
    subject.change(alert.id, Step.ACKNOWLEDGE, by="amara")
    subject.change(alert.id, Step.RESOLVE, by="amara")
    assert {each.destination for each in Outbox(state, {}).waiting()} == {"pager"}
    sink = Sink()
    dispatch(state, sink, clock, times=3)
    assert sink.got == [("opened", "open"), ("updated", "acknowledged"), ("resolved", "resolved")]


def test_a_later_message_waits_for_an_earlier_one_that_failed_and_another_alert_does_not(
    subject: Lifecycle, alerts: Alerts, alert: Alert, signal: Make, state: State, clock: Clock
) -> None:
    subject.change(alert.id, Step.RESOLVE, by="amara")
    sink = Sink(Retry("busy", 60))
    dispatch(state, sink, clock)
    alerts.apply([signal("other", minutes=_minutes(clock), group={"user": "bob"})], ROUTES)
    dispatch(state, sink, clock, times=2)
    assert sink.got == [("opened", "open")]
    clock.advance(seconds=61)
    dispatch(state, sink, clock, times=2)
    assert sink.got == [("opened", "open"), ("opened", "open"), ("resolved", "resolved")]


def test_what_happens_after_the_resolution_reopens_the_alert_and_tells_the_destinations(
    subject: Lifecycle, alerts: Alerts, alert: Alert, signal: Make, state: State, clock: Clock
) -> None:
    clock.advance(minutes=1)
    subject.change(alert.id, Step.RESOLVE, by="amara")
    clock.advance(minutes=2)
    [(change, again)] = alerts.apply([signal("b", minutes=_minutes(clock))], ROUTES)
    assert (change, again.id, again.status, again.changed_by, again.count) == ("updated", alert.id, "open", PRODUCT, 2)
    assert [each.action for each in subject.history(alert.id)] == ["resolve", "reopen"]
    sink = Sink()
    dispatch(state, sink, clock, times=3)
    assert sink.got == [("opened", "open"), ("resolved", "resolved"), ("updated", "open")]


def test_what_only_arrives_after_the_resolution_reopens_nothing(
    subject: Lifecycle, alerts: Alerts, alert: Alert, signal: Make, clock: Clock
) -> None:
    clock.advance(minutes=2)
    subject.change(alert.id, Step.RESOLVE, by="amara")
    [(_, same)] = alerts.apply([signal("late", minutes=_minutes(clock) - 1)], ROUTES)
    assert (same.status, same.count) == ("resolved", 2)


def test_a_suppressed_alert_counts_and_stays_suppressed(
    subject: Lifecycle, alerts: Alerts, alert: Alert, signal: Make, clock: Clock
) -> None:
    subject.change(alert.id, Step.SUPPRESS, by="amara")
    clock.advance(minutes=2)
    [(_, same)] = alerts.apply([signal("b", minutes=_minutes(clock))], ROUTES)
    assert (same.status, same.count) == ("suppressed", 2)


def test_a_signal_that_comes_between_is_not_lost(
    subject: Lifecycle, alerts: Alerts, alert: Alert, signal: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = lifecycle.stepped, []

    def meanwhile(*arguments: Any) -> Alert:
        if not calls:
            calls.append(1)
            alerts.apply([signal("b", minutes=_minutes(clock))], ROUTES)
        return original(*arguments)

    monkeypatch.setattr(lifecycle, "stepped", meanwhile)
    changed = subject.change(alert.id, Step.ACKNOWLEDGE, by="amara")
    assert (changed.status, changed.count) == ("acknowledged", 2)


def test_verdicts_stand_in_the_history_too(subject: Lifecycle, alert: Alert, state: State, clock: Clock) -> None:
    Verdicts(state, clock=clock).record(alert, Verdict.FALSE_POSITIVE, by="lin", note="a test")
    [entry] = subject.history(alert.id)
    assert (entry.by, entry.action, entry.note) == ("lin", "verdict: false positive", "a test")
