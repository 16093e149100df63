from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.enrich.enrichers import Enriched, Enrichers
from mantissa_core.alert.enrich.source import Source
from mantissa_core.alert.group import Grouping
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.route import Route
from mantissa_core.errors import Conflict, Retry, StateError
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Alert, Enrichment, Put, Severity, Signal
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

Make = Callable[..., Signal]
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ROUTES = [Route("pager"), Route("chat")]


def waiting(state: State) -> list[str]:
    return sorted(f"{each.destination}:{each.alert_id}" for each in Outbox(state, {}).waiting())


def test_the_first_signal_opens_an_alert_at_once_and_tells_every_route(state: State, signal: Make) -> None:
    [(change, alert)] = Alerts(state).apply([signal("a")], ROUTES)
    assert change == "opened"
    assert (alert.count, alert.severity, alert.summary) == (1, Severity.HIGH, "alice logged in without MFA")
    assert alert.entities == {"user": ("alice",), "src_ip": ("198.51.100.7",)}
    assert waiting(state) == [f"chat:{alert.id}", f"pager:{alert.id}"]
    assert Alerts(state).get(alert.id) == alert


def test_the_name_of_a_cloud_resource_is_kept_whole_and_what_is_longer_is_cut_with_a_mark(
    state: State, signal: Make
) -> None:
    arn = f"arn:aws:iam::123456789012:role/{'department/' * 20}auditor"
    [(_, alert)] = Alerts(state).apply([signal("a", entities={"target": arn, "user": "x" * 301})], ROUTES)
    assert alert.entities == {"target": (arn,), "user": ("x" * 299 + "…",)}


def test_repeats_within_the_window_are_counted_and_tell_nobody(state: State, signal: Make) -> None:
    alerts = Alerts(state)
    [(_, first)] = alerts.apply([signal("a")], ROUTES)
    [(change, alert)] = alerts.apply([signal("b", 4), signal("c", 8.5)], ROUTES)
    assert (change, alert.id, alert.count, alert.revision) == ("updated", first.id, 3, 2)
    assert alert.last_seen - alert.first_seen == timedelta(minutes=8.5)
    assert len(waiting(state)) == 2
    member = state.get("alerts", "member/signal-c")
    assert member is not None
    assert member.value == {"alert": first.id, "repeat": True}


def test_applying_again_changes_nothing(state: State, signal: Make) -> None:
    alerts, signals = Alerts(state), [signal("a"), signal("b", 1)]
    [(_, before)] = alerts.apply(signals, ROUTES)
    assert alerts.apply(signals, ROUTES) == []
    assert alerts.get(before.id) == before
    assert len(waiting(state)) == 2


def test_a_signal_after_the_window_opens_another_alert(state: State, signal: Make) -> None:
    alerts = Alerts(state)
    alerts.apply([signal("a")], [])
    [(change, _)] = alerts.apply([signal("b", 5.01)], [])
    assert change == "opened"
    assert len(alerts.list()) == 2


def test_a_rule_may_have_a_window_and_a_description_of_its_own(state: State, signal: Make) -> None:
    alerts = Alerts(state, grouping=lambda rule: Grouping(timedelta(hours=1), f"about {rule}"))
    [(_, alert)] = alerts.apply([signal("a"), signal("b", 59), signal("c", 110)], [])
    assert (alert.count, alert.description) == (3, "about rule-1")


def test_an_alert_covers_at_most_a_day(state: State, signal: Make) -> None:
    hourly = [signal(f"{hour}", hour * 60) for hour in range(30)]
    Alerts(state, grouping=lambda _: Grouping(timedelta(hours=2))).apply(hourly, [])
    assert sorted(alert.count for alert in Alerts(state).list()) == [5, 25]


def test_a_higher_severity_is_told_again(state: State, signal: Make) -> None:
    alerts = Alerts(state)
    alerts.apply([signal("a", severity=Severity.MEDIUM)], ROUTES)
    [(change, alert)] = alerts.apply([signal("b", 1, severity=Severity.CRITICAL)], ROUTES)
    assert (change, alert.severity) == ("opened", Severity.CRITICAL)
    assert len(waiting(state)) == 4


def test_what_lacks_the_grouping_field_is_grouped_by_event_and_never_by_a_constant(state: State, signal: Make) -> None:
    Alerts(state).apply([signal("a", group={}), signal("b", 0, group={})], [])
    assert [alert.count for alert in Alerts(state).list()] == [1, 1]


@pytest.mark.parametrize("why", [{"suppressed_by": "f-7"}, {"disposition": "shadow"}, {"disposition": "suppressed"}])
def test_a_signal_that_is_suppressed_or_of_a_rule_on_trial_raises_no_alert(
    state: State, signal: Make, why: dict[str, str]
) -> None:
    alerts = Alerts(state)
    assert alerts.apply([signal("a", **why)], ROUTES) == []
    assert (alerts.list(), list(state.scan("alerts"))) == ([], [])


def test_routes_choose_by_severity_and_can_be_switched_off(state: State, signal: Make) -> None:
    routes = [Route("low", severities={Severity.LOW}), Route("off", enabled=False), Route("on")]
    [(_, alert)] = Alerts(state).apply([signal("a")], routes)
    assert waiting(state) == [f"on:{alert.id}"]


def test_the_lists_give_the_newest_first_and_filter(state: State, signal: Make) -> None:
    alerts = Alerts(state)
    alerts.apply(
        [
            signal("a", 0),
            signal("b", 60, rule_id="rule/2"),
            signal("c", 120, severity=Severity.LOW),
            signal("d", 180),
        ],
        [],
    )
    hours = [alert.first_seen.hour for alert in alerts.list()]
    assert hours == [15, 14, 13, 12]
    assert [alert.first_seen.hour for alert in alerts.list(rule="rule-1")] == [15, 14, 12]
    assert [alert.first_seen.hour for alert in alerts.list(rule="rule/2")] == [13]
    assert [alert.first_seen.hour for alert in alerts.list(severity=Severity.LOW)] == [14]
    assert [alert.first_seen.hour for alert in alerts.list(rule="rule-1", severity=Severity.HIGH)] == [15, 12]
    assert alerts.list(status="resolved") == []
    assert len(alerts.list(limit=2)) == 2


def test_an_alert_is_found_by_the_beginning_of_its_id(state: State, signal: Make) -> None:
    [(_, alert)] = Alerts(state).apply([signal("a")], [])
    assert Alerts(state).find(alert.id[:8]) == [alert]
    assert Alerts(state).find("no such") == []


def test_a_thousand_repeats_stay_within_the_limits_of_a_document(state: State, signal: Make) -> None:
    hostile = "\U0001f4a5" * 5_000
    signals = [
        signal(f"{n}", n / 1000, entities={"user": f"{n}{hostile}"}, evidence={f"f{n}": hostile, "n": [hostile] * 99})
        for n in range(300)
    ]
    [(_, alert)] = Alerts(state).apply(signals, [Route(f"sink-{n}") for n in range(8)])
    assert (alert.count, len(alert.event_ids), len(alert.evidence)) == (300, 100, 10)
    assert Alerts(state).get(alert.id) == alert


def test_a_clock_that_an_event_got_wrong_does_no_harm(state: State, signal: Make) -> None:

    extremes = [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, tzinfo=UTC),
    ]
    Alerts(state).apply([signal(f"{n}", time=moment) for n, moment in enumerate(extremes)], [])
    assert [alert.first_seen for alert in Alerts(state).list()] == sorted(extremes, reverse=True)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_in_one_batch_does_not_matter(state: State, signal: Make, order: Sequence[int]) -> None:
    signals = [signal(f"{n}", n * 3) for n in range(4)]
    Alerts(state).apply([signals[n] for n in order], [])
    assert [alert.count for alert in Alerts(state).list()] == [4]


def test_a_late_signal_joins_the_alert_of_its_time(state: State, signal: Make) -> None:
    alerts = Alerts(state)
    [(_, old)] = alerts.apply([signal("a", 0)], [])
    alerts.apply([signal("b", 600)], [])
    [(change, alert)] = alerts.apply([signal("late", -3)], [])
    assert (change, alert.id, alert.count) == ("updated", old.id, 2)


class Interrupted(Exception):
    """The process dies here."""


class Dying:
    """A state whose commits end the process before or after they take effect, at chosen places."""

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


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(st.sampled_from(["live", "before", "after"]), max_size=12), seed=st.integers(0, 99))
def test_no_signal_is_lost_or_doubled_by_dying_at_any_commit(
    tmp_path_factory: pytest.TempPathFactory, signal: Make, plan: list[str], seed: int
) -> None:
    state = State(SQLite(SQLite.Config(path=tmp_path_factory.mktemp("state") / "state.sqlite")))
    signals = [signal(f"{n}", n, group={"user": f"user-{n % 3}"}) for n in range(130)]
    random.Random(seed).shuffle(signals)
    dying = Alerts(Dying(state, plan))  # type: ignore[arg-type]
    while True:
        try:
            dying.apply(signals, ROUTES)
            break
        except Interrupted:
            continue
    found = Alerts(state).list()
    assert sum(alert.count for alert in found) == 130
    assert len(waiting(state)) == 2 * len(found)
    assert len(list(state.scan("alerts", "member/"))) == 130


def test_two_writers_of_one_alert_count_every_signal_once(state: State, signal: Make) -> None:
    class Overtaken(Dying):
        """Another process applies the same and one more signal just before our commit."""

        def commit(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int] | None = None) -> None:
            if not overtaken:
                overtaken.append(True)
                Alerts(state).apply([signal("a"), signal("x", 2)], ROUTES)
            state.commit(partition, puts, expects)

    overtaken: list[bool] = []
    slow = Alerts(Overtaken(state, []))  # type: ignore[arg-type]
    [(change, alert)] = slow.apply([signal("a"), signal("b", 1)], ROUTES)
    assert (change, alert.count) == ("updated", 3)
    assert len(waiting(state)) == 2


def test_endless_contention_is_reported_and_not_spun_on(state: State, signal: Make) -> None:
    class Contended(Dying):
        def commit(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int] | None = None) -> None:
            raise Conflict("somebody else was faster")

    with pytest.raises(Conflict):
        Alerts(Contended(state, [])).apply([signal("a")], [])  # type: ignore[arg-type]


def test_a_signal_whose_membership_was_forgotten_is_not_counted_again(state: State, signal: Make) -> None:
    alerts = Alerts(state)
    [(_, before)] = alerts.apply([signal("a")], ROUTES)
    forgotten = [
        Put(document.key, None) for prefix in ("member/", "group/") for document in state.scan("alerts", prefix)
    ]
    state.commit("alerts", forgotten)
    [(change, alert)] = alerts.apply([signal("a")], ROUTES)
    assert (change, alert.id, alert.count) == ("updated", before.id, 1)
    assert len(waiting(state)) == 2


def test_more_routes_than_one_commit_holds_is_an_error_of_the_store(state: State, signal: Make) -> None:
    with pytest.raises(StateError):
        Alerts(state).apply([signal("a")], [Route(f"sink-{n}") for n in range(60)])


class Knows:
    """Says what it is given, or fails."""

    def __init__(self, facts: object) -> None:
        self._facts = facts

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        if isinstance(self._facts, Exception):
            raise self._facts
        return Enrichment(self._facts) if self._facts else None  # type: ignore[arg-type]


def test_a_new_alert_is_enriched_before_anybody_is_told(state: State, signal: Make) -> None:
    asked: list[Alert] = []

    def enrich(alert: Alert) -> Enriched:
        asked.append(alert)
        return Enriched({"geo": {"country": "CH"}}, {})

    alerts = Alerts(state, enrich=enrich)
    [(_, alert)] = alerts.apply([signal("a")], [Route("pager")])
    alerts.apply([signal("b", 1)], [])
    assert [each.entities["user"] for each in asked] == [("alice",)]
    assert alert.enrichment == {"geo": {"country": "CH"}}
    [message] = Outbox(state, {}).waiting()
    assert message.delivery(None).alert.enrichment == {"geo": {"country": "CH"}}


def test_an_enricher_that_fails_or_says_too_much_holds_nothing_up(state: State, signal: Make) -> None:
    enrichers = {
        "down": Knows(Retry("no answer")),
        "endless": Knows({"raw": "x" * 20_000}),
        "ignorant": Knows(None),
        "good": Knows({"at": START}),
    }
    alerts = Alerts(state, enrich=Enrichers(Source(label, each) for label, each in enrichers.items()))
    [(_, alert)] = alerts.apply([signal("a")], [])
    assert alert.enrichment == {"good": {"at": "2026-03-02T12:00:00.000000+00:00"}}
    assert alert.unenriched == {"down": "no answer", "endless": "said too much: 20,011 bytes, of 16,384 that are kept"}
    assert alerts.get(alert.id) == alert
