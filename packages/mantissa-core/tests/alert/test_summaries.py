"""Digests and storms: what is held is told together, and nothing of it is lost or told twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.codec import alert_from_json
from mantissa_core.alert.hold import Digest, Pace
from mantissa_core.alert.lifecycle import Lifecycle, Step
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.route import Route
from mantissa_core.alert.summaries import Summaries
from mantissa_core.errors import Conflict
from mantissa_core.model import Alert, Put, Severity, Signal
from mantissa_core.state.documents import State
from mantissa_core.testing.alert_sink import delivery

from .conftest import Clock

Make = Callable[..., Signal]
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def many(signal: Make, count: int, **changes: object) -> list[Signal]:
    """Signals of as many groups."""
    name = changes.get("rule_id", "a")
    return [signal(f"{name}{number:03}", group={"user": f"user-{number}"}, **changes) for number in range(count)]


def waiting(state: State) -> list[Alert]:
    return [alert_from_json(each.value["alert"]) for each in Outbox(state, {}).waiting()]


@pytest.fixture
def clock() -> Clock:
    """In the middle of a minute, so that no test meets its end by chance."""
    clock = Clock()
    clock.now = clock.now.replace(second=20, microsecond=0)
    return clock


def test_beyond_so_many_in_a_minute_alerts_become_one_message(state: State, signal: Make, clock: Clock) -> None:
    route = Route("chat", type="acme.chat", pace=Pace(5))
    opened = Alerts(state, clock=clock).apply(many(signal, 100), [route])
    summaries = Summaries(state, clock=clock)
    assert (len(waiting(state)), len(list(summaries.held())), summaries.tell()) == (5, 95, 0)
    clock.advance(seconds=40)
    assert summaries.tell() == 1
    [told] = [each for each in waiting(state) if each.rule_id == "mantissa.storm"]
    minute = clock.now - timedelta(minutes=1)
    assert told.summary == f"95 alerts from {minute:%H:%M} to {clock.now:%H:%M} UTC: Console login without MFA (95)"
    assert (told.count, told.severity, len(told.evidence[0])) == (95, Severity.HIGH, 10)
    assert Alerts(state).get(told.id) == told
    assert (list(summaries.held()), list(state.scan("alerts", "summary/"))) == ([], [])
    statuses = [Outbox(state, {}).attempts(alert.id) for _, alert in opened]
    assert [each[0]["status"] for each in statuses if each] == ["summarised"] * 95


def test_the_first_of_a_severity_passes_a_storm(state: State, signal: Make, clock: Clock) -> None:
    alerts, routes = Alerts(state, clock=clock), [Route("chat", pace=Pace(2))]
    alerts.apply(many(signal, 10, severity=Severity.LOW), routes)
    alerts.apply([signal("worst", severity=Severity.CRITICAL)], routes)
    assert [each.severity for each in waiting(state)].count(Severity.CRITICAL) == 1


def test_the_next_minute_lets_as_many_pass_again(state: State, signal: Make, clock: Clock) -> None:
    alerts, routes = Alerts(state, clock=clock), [Route("chat", pace=Pace(2))]
    alerts.apply(many(signal, 2), routes)
    clock.advance(minutes=1)
    alerts.apply(many(signal, 4, rule_id="another"), routes)
    assert (len(waiting(state)), len(list(Summaries(state).held()))) == (4, 2)


def test_a_message_that_is_alone_goes_out_as_it_is(state: State, signal: Make, clock: Clock) -> None:
    routes = [Route("mail", digest=Digest(timedelta(hours=1)))]
    [(_, alert)] = Alerts(state, clock=clock).apply([signal("a")], routes)
    clock.advance(hours=1)
    assert Summaries(state, clock=clock).tell() == 1
    [told] = waiting(state)
    assert (told.id, told.rule_id) == (alert.id, alert.rule_id)


def test_a_digest_tells_changes_too_and_the_most_severe_by_name(state: State, signal: Make, clock: Clock) -> None:
    routes = [Route("mail", digest=Digest(timedelta(hours=1)))]
    alerts = Alerts(state, clock=clock)
    [(_, first), *_] = alerts.apply(many(signal, 30, severity=Severity.LOW), routes)
    alerts.apply([signal("worst", severity=Severity.CRITICAL, summary="root logged in")], routes)
    Lifecycle(state, lambda: routes, clock=clock).change(first.id, Step.RESOLVE, by="amara")
    clock.advance(hours=1)
    assert Summaries(state, clock=clock).tell() == 1
    [told] = waiting(state)
    assert told.summary.startswith("31 alerts and 1 change from ")
    named = next(iter(told.evidence[0].values()))
    assert (told.severity, named) == (Severity.CRITICAL, "critical: root logged in (Console login without MFA)")


def test_severities_outside_the_digest_are_told_at_once(state: State, signal: Make, clock: Clock) -> None:
    routes = [Route("mail", digest=Digest(timedelta(hours=1), {Severity.LOW}))]
    Alerts(state, clock=clock).apply([signal("a"), *many(signal, 2, severity=Severity.LOW)], routes)
    assert [each.severity for each in waiting(state)] == [Severity.HIGH]


def test_each_destination_has_its_own_summary(state: State, signal: Make, clock: Clock) -> None:
    routes = [Route("mail", digest=Digest(timedelta(hours=1))), Route("chat", pace=Pace(1)), Route("log")]
    Alerts(state, clock=clock).apply(many(signal, 3), routes)
    clock.advance(hours=1)
    assert Summaries(state, clock=clock).tell() == 2
    found = [(each.destination, each.value["alert"]["rule_id"]) for each in Outbox(state, {}).waiting()]
    assert sorted(found) == sorted(
        [("mail", "mantissa.digest"), ("chat", "mantissa.storm"), ("chat", "rule-1"), *[("log", "rule-1")] * 3]
    )


class Killed(Exception):
    """The process ends here."""


@pytest.mark.parametrize("after", [True, False])
def test_a_crash_at_any_commit_loses_nothing_and_counts_nothing_twice(
    state: State, signal: Make, clock: Clock, after: bool
) -> None:
    class Dying(State):
        """Dies at each commit once, before it or after."""

        def __init__(self) -> None:
            self.died: set[int] = set()
            self.commits = 0

        def __getattribute__(self, name: str) -> object:
            return object.__getattribute__(self, name) if name in _OWN else getattr(state, name)

        def commit(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int] | None = None) -> None:
            self.commits += 1
            dies = self.commits not in self.died
            self.died.add(self.commits)
            if not dies or after:
                state.commit(partition, puts, expects)
            if dies:
                raise Killed

    Alerts(state, clock=clock).apply(many(signal, 70), [Route("chat", pace=Pace(1))])
    clock.advance(minutes=1)
    dying = Dying()
    for _ in range(20):
        dying.commits = 0
        try:
            Summaries(dying, clock=clock).tell()
        except Killed:
            continue
    [told] = [each for each in waiting(state) if each.rule_id == "mantissa.storm"]
    assert (told.count, sum(bool(Outbox(state, {}).attempts(each.id)) for each in Alerts(state).list())) == (69, 69)
    assert not list(Summaries(state).held())


_OWN = {"commit", "commits", "died", "__class__"}


def test_another_process_that_tells_at_the_same_time_does_no_harm(state: State, signal: Make, clock: Clock) -> None:
    class Overtaken:
        def __getattr__(self, name: str) -> object:
            return getattr(state, name)

        def commit(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int] | None = None) -> None:
            Summaries(state, clock=clock).tell()
            with pytest.raises(Conflict):
                state.commit(partition, puts, expects)
            raise Conflict("somebody else was faster")

    Alerts(state, clock=clock).apply(many(signal, 50), [Route("chat", pace=Pace(1))])
    clock.advance(minutes=1)
    assert Summaries(Overtaken(), clock=clock).tell() == 0  # type: ignore[arg-type]
    assert [each.count for each in waiting(state) if each.rule_id == "mantissa.storm"] == [49]


@given(st.integers(1, 1440), st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))
def test_a_digest_is_due_within_its_span_and_at_midnight_at_the_latest(minutes: int, now: datetime) -> None:
    span = timedelta(minutes=minutes)
    hold = Digest(span).hold(delivery().alert, now)
    assert hold is not None
    assert hold.since <= now < hold.due <= hold.since + span
    assert hold.due <= now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


@given(st.integers(1, 9), st.lists(st.sampled_from(list(Severity)), max_size=60))
def test_of_a_minute_as_many_pass_as_may_and_no_severity_is_silent(limit: int, severities: list[Severity]) -> None:
    pace = Pace(limit)
    alerts = [delivery(id=f"{number:032x}", severity=each).alert for number, each in enumerate(severities)]
    passed = [each for each in alerts if pace.hold(each, NOON) is None]
    assert len(passed) <= limit + len(Severity) - 1
    assert len(passed) >= min(limit, len(alerts))
    assert {each.severity for each in passed} == set(severities)
    assert [pace.hold(each, NOON) for each in passed] == [None] * len(passed)
