"""Who is told when: the first signal at once, later ones never again, a higher severity anew, however late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import permutations

import pytest
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.route import Route
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Delivery, Receipt, Severity, Signal
from mantissa_core.state.documents import State

from .conftest import START

Make = Callable[..., Signal]


class Hears:
    def __init__(self) -> None:
        self.told: list[tuple[str, str, int]] = []

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        self.told.append((delivery.event, delivery.alert.severity.value, delivery.alert.count))
        return Receipt("ok")


@pytest.fixture
def tell(state: State) -> Callable[..., list[tuple[str, str, int]]]:
    """Applies signals and returns what people heard right then."""
    hears = Hears()

    def apply(*signals: Signal) -> list[tuple[str, str, int]]:
        hears.told.clear()
        Alerts(state).apply(signals, [Route("pager")])
        Outbox(state, {"pager": hears}).dispatch()  # type: ignore[dict-item]
        return list(hears.told)

    return apply


Tell = Callable[..., list[tuple[str, str, int]]]


def test_the_first_signal_is_told_at_once_and_what_follows_within_the_window_never(tell: Tell, signal: Make) -> None:
    assert tell(signal("a")) == [("opened", "high", 1)]
    for minute in range(1, 30):
        assert tell(signal(f"a{minute}", minute)) == []
    assert tell(signal("b", 29 + 5.01)) == [("opened", "high", 1)]


def test_a_signal_that_comes_late_is_told_only_where_no_alert_was_near_in_its_time(tell: Tell, signal: Make) -> None:
    assert tell(signal("a", 60)) == [("opened", "high", 1)]
    assert tell(signal("just before", 55)) == []
    assert tell(signal("before that", 50)) == []
    assert tell(signal("an hour before", 0)) == [("opened", "high", 1)]
    assert tell(signal("soon after that", 5)) == []


def test_a_higher_severity_is_told_anew_once_and_so_is_one_that_comes_late(tell: Tell, signal: Make) -> None:
    assert tell(signal("a", 10, severity=Severity.MEDIUM)) == [("opened", "medium", 1)]
    assert tell(signal("b", 11, severity=Severity.HIGH)) == [("opened", "high", 1)]
    assert tell(signal("c", 12, severity=Severity.HIGH), signal("d", 12, severity=Severity.MEDIUM)) == []
    assert tell(signal("late", 8, severity=Severity.CRITICAL)) == [("opened", "critical", 1)]
    assert tell(signal("later", 7, severity=Severity.CRITICAL), signal("e", 6, severity=Severity.HIGH)) == []


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_whatever_order_signals_come_in_the_same_are_counted_and_one_is_told(
    state: State, tell: Tell, signal: Make, order: Sequence[int]
) -> None:
    signals = [signal(f"{n}", n * 4) for n in range(4)]
    told = [each for n in order for each in tell(signals[n])]
    found = Alerts(state).list()
    assert sum(alert.count for alert in found) == 4
    assert len(told) == len(found)  # those of events too far apart when they came stay apart
    members = Counter(each.value["repeat"] for each in state.scan("alerts", "member/"))
    assert members == {False: len(found), True: 4 - len(found)} or len(found) == 4


def test_what_comes_twice_is_told_once_a_day_later_too(tell: Tell, signal: Make) -> None:
    first = signal("a")
    assert tell(first) == [("opened", "high", 1)]
    assert tell(signal("b", 24 * 60)) == [("opened", "high", 1)]
    assert tell(first, signal("b", 24 * 60)) == []
    assert tell(signal("c", time=START - timedelta(days=400))) == [("opened", "high", 1)]
