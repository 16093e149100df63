from __future__ import annotations

from collections.abc import Callable

import pytest
from mantissa_core.alert.alerts import Alerts
from mantissa_core.model import Alert, Signal
from mantissa_core.state.documents import State

Make = Callable[..., Signal]


@pytest.fixture
def alerts(state: State) -> Alerts:
    return Alerts(state)


def opened(alerts: Alerts, made: Signal) -> Alert:
    return alerts.apply([made], [])[0][1]


def of(signal: Make, name: str, minutes: float = 0, **entities: str) -> Signal:
    return signal(name, minutes, group={"name": name}, entities=entities)


def test_alerts_that_share_a_user_an_address_or_a_target_are_related(alerts: Alerts, signal: Make) -> None:
    first = opened(alerts, of(signal, "a", user="amara", src_ip="203.0.113.1", target="t", action="login"))
    both = opened(alerts, of(signal, "b", 30, user="amara", src_ip="203.0.113.1", action="logout"))
    one = opened(alerts, of(signal, "c", 5, target="t", user="lin"))
    opened(alerts, of(signal, "d", 1, user="noor", action="login"))
    found = alerts.related(first)
    assert [each.alert.id for each in found] == [both.id, one.id]
    assert found[0].shares == (("src_ip", "203.0.113.1"), ("user", "amara"))
    assert found[1].shares == (("target", "t"),)
    assert [each.alert.id for each in alerts.related(one)] == [first.id]


def test_a_day_apart_is_too_far(alerts: Alerts, signal: Make) -> None:
    first = opened(alerts, of(signal, "a", user="amara"))
    near = opened(alerts, of(signal, "b", 24 * 60, user="amara"))
    opened(alerts, of(signal, "c", -24 * 60 - 1, user="amara"))
    assert [each.alert.id for each in alerts.related(first)] == [near.id]


def test_an_entity_that_a_later_signal_brings_relates_too(alerts: Alerts, signal: Make) -> None:
    other = opened(alerts, of(signal, "other", user="lin"))
    mine = signal("a", group={"g": "1"}, entities={"user": "amara"})
    again = signal("b", 1, group={"g": "1"}, entities={"user": "lin"})
    alerts.apply([mine], [])
    [(_, alert)] = alerts.apply([again], [])
    assert [each.alert.id for each in alerts.related(alert)] == [other.id]
    assert [each.alert.id for each in alerts.related(other)] == [alert.id]


def test_many_signals_with_entities_of_their_own_fit_into_commits(alerts: Alerts, signal: Make) -> None:
    storm = [
        signal(f"s{number:03}", number / 60, group={"g": "1"},
               entities={"user": f"u{number}", "src_ip": f"203.0.113.{number}", "target": f"t{number}"})
        for number in range(200)
    ]  # fmt: skip
    [(_, alert)] = alerts.apply(storm, [])
    assert alert.count == 200
    other = opened(alerts, of(signal, "x", user="u5"))
    assert [each.alert.id for each in alerts.related(other)] == [alert.id]
