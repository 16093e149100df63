"""Verdicts on alerts, kept with their history, and what they say about the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.verdicts import Precision, Verdict, Verdicts
from mantissa_core.errors import MantissaError
from mantissa_core.model import Alert, Signal
from mantissa_core.state.documents import State

from .conftest import Clock

Make = Callable[..., Signal]
TRUE, FALSE, BENIGN = Verdict


def opened(state: State, signal: Make, number: int, rule: str = "rule-1") -> Sequence[Alert]:
    signals = [signal(f"{rule}{each}", 10 * each, rule_id=rule) for each in range(number)]
    return [alert for _, alert in Alerts(state).apply(signals, [])]


def test_the_last_verdict_counts_and_those_before_are_kept(state: State, signal: Make, clock: Clock) -> None:
    (alert,) = opened(state, signal, 1)
    verdicts = Verdicts(state, clock=clock)
    first = verdicts.record(alert, FALSE, by="ada", note="a test account")
    clock.advance(minutes=1)
    second = verdicts.record(alert, TRUE, by="eve")
    assert verdicts.get([alert.id, "no-such-alert"]) == {alert.id: second}
    assert verdicts.history(alert.id) == [first, second]
    assert (first.note, second.at - first.at) == ("a test account", timedelta(minutes=1))


def test_precision_leaves_benign_alerts_and_those_without_a_verdict_apart(state: State, signal: Make) -> None:
    verdicts = Verdicts(state)
    alerts = opened(state, signal, 6)
    opened(state, signal, 1, "a/b %")
    for alert, verdict in zip(alerts, (TRUE, TRUE, FALSE, BENIGN), strict=False):
        verdicts.record(alert, verdict, by="ada")
    verdicts.record(alerts[2], TRUE, by="ada")
    verdicts.record(alerts[2], FALSE, by="ada")
    found = verdicts.precision()
    assert found == [Precision("rule-1", 6, true=2, false=1, benign=1), Precision("a/b %", 1)]
    assert (found[0].unjudged, found[0].decided, found[0].share) == (2, 3, pytest.approx(2 / 3))
    assert (found[1].share, found[1].likely) == (None, None)


@pytest.mark.parametrize(
    ("true", "false", "low", "high"),
    [(1, 0, 0.2065, 1.0), (0, 1, 0.0, 0.7935), (5, 5, 0.2366, 0.7634), (90, 10, 0.8256, 0.9448)],
)
def test_few_verdicts_leave_a_wide_range(true: int, false: int, low: float, high: float) -> None:
    likely = Precision("x", 100, true, false).likely
    assert likely == pytest.approx((low, high), abs=1e-4)


def test_a_note_that_is_too_long_is_refused_and_nothing_is_stored(state: State, signal: Make) -> None:
    (alert,) = opened(state, signal, 1)
    with pytest.raises(MantissaError, match="expected at most 4000"):
        Verdicts(state).record(alert, TRUE, by="ada", note="x" * 4001)
    assert Verdicts(state).history(alert.id) == []
