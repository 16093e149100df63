"""Alerts of several groups share a commit; none waits for, or suffers from, another."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import pytest
from mantissa_core.alert import pack
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.enrich.enrichers import Enriched
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.route import Route
from mantissa_core.errors import StateError
from mantissa_core.model import Alert, Put, Signal
from mantissa_core.state.documents import State

Make = Callable[..., Signal]
ROUTES = [Route("pager"), Route("chat")]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine must not make packs smaller."""
    monkeypatch.setattr(pack, "PATIENCE", 60.0)


class Counting:
    """A state that notes what each commit held; ``before`` is called with the number of each."""

    def __init__(self, state: State, before: Callable[[int], None] = lambda _number: None) -> None:
        self._state, self._before = state, before
        self.commits: list[list[str]] = []

    def commit(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int] | None = None) -> None:
        self._before(len(self.commits) + 1)
        self.commits.append([put.key for put in puts])
        self._state.commit(partition, puts, expects)

    def alerts(self) -> list[int]:
        """How many alerts each commit held."""
        return [sum(key.startswith("alert/") for key in keys) for keys in self.commits]

    def __getattr__(self, name: str) -> object:
        return getattr(self._state, name)


def apart(signal: Make, number: int, **changes: object) -> list[Signal]:
    """Signals of as many groups."""
    return [
        signal(f"{each}", group={"user": f"u{each}"}, entities={"user": f"u{each}"}, **changes)
        for each in range(number)
    ]


def test_alerts_of_several_groups_are_written_together(state: State, signal: Make) -> None:
    counting = Counting(state)
    applied = Alerts(counting).apply(apart(signal, 20), ROUTES)  # type: ignore[arg-type]
    assert [change for change, _ in applied] == ["opened"] * 20
    assert counting.alerts() == [5, 5, 5, 5]
    assert all(len(keys) <= 50 for keys in counting.commits)
    assert len(list(Outbox(state, {}).waiting())) == 40


def test_a_group_that_somebody_else_changed_is_read_again_and_the_others_are_written(
    state: State, signal: Make
) -> None:
    signals = apart(signal, 8)

    def overtake(commit: int) -> None:
        if commit == 1:
            Alerts(state).apply([signals[2], signal("more", 1, group={"user": "u2"})], ROUTES)

    counting = Counting(state, overtake)
    applied = Alerts(counting).apply(signals, ROUTES)  # type: ignore[arg-type]
    assert len(applied) == 7  # the other one had been applied
    found = Alerts(state).list()
    assert sorted(alert.count for alert in found) == [1] * 7 + [2]
    assert len(list(Outbox(state, {}).waiting())) == 16


def test_alerts_that_are_too_large_together_are_written_one_by_one(state: State, signal: Make) -> None:
    long = {f"f{n}": "\U0001f4a5" * 490 for n in range(2)}
    signals = [
        signal(f"{each}-{n}", n / 1000, group={"user": f"u{each}"}, evidence=long)
        for each in range(4)
        for n in range(20)
    ]
    routes = [Route(f"sink-{each}") for each in range(8)]
    applied = Alerts(state).apply(signals, routes)
    assert [alert.count for _, alert in applied] == [20] * 4
    assert len(list(Outbox(state, {}).waiting())) == 32


def test_what_the_store_refuses_of_one_alert_is_not_written_in_part(state: State, signal: Make) -> None:
    def full(commit: int) -> None:
        if commit >= 3:
            raise StateError("the disk is full")

    signals = apart(signal, 20)
    with pytest.raises(StateError, match="full"):
        Alerts(Counting(state, full)).apply(signals, ROUTES)  # type: ignore[arg-type]
    assert len(Alerts(state).list()) == len(list(state.scan("alerts", "member/"))) == 10
    assert len(list(Outbox(state, {}).waiting())) == 20
    Alerts(state).apply(signals, ROUTES)
    assert len(Alerts(state).list()) == len(list(state.scan("alerts", "member/"))) == 20
    assert len(list(Outbox(state, {}).waiting())) == 40


def test_an_enricher_that_is_slow_about_one_alert_holds_up_no_other(
    state: State, signal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "PATIENCE", 0.05)

    def slow_about_the_second(alert: Alert) -> Enriched:
        if alert.entities["user"] == ("u1",):
            time.sleep(0.1)
        return Enriched({}, {})

    counting = Counting(state)
    Alerts(counting, enrich=slow_about_the_second).apply(apart(signal, 4), [])  # type: ignore[arg-type]
    assert len(counting.commits) >= 2
    assert sum(counting.alerts()) == 4


def test_repeats_of_many_groups_are_counted_once_each(state: State, signal: Make) -> None:
    signals = [signal(f"{n}", n / 1000, group={"user": f"u{n % 7}"}) for n in range(700)]
    Alerts(state).apply(signals[:100], ROUTES)
    Alerts(state).apply(signals, ROUTES)
    assert [alert.count for alert in Alerts(state).list()] == [100] * 7
    members = [document.value for document in state.scan("alerts", "member/")]
    assert (len(members), sum(not each["repeat"] for each in members)) == (700, 7)
    assert len(list(Outbox(state, {}).waiting())) == 14
