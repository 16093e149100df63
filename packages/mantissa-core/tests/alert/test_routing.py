"""Who hears of an alert: the rules, what is left to others, what degrades, and that nothing is forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.alert.route import Route
from mantissa_core.alert.routing.explain import explain
from mantissa_core.alert.routing.routing import Routing
from mantissa_core.alert.routing.rules import Rules
from mantissa_core.config import Settings
from mantissa_core.model import Alert, Severity

from .test_conditions import ALERT, NOON

LOW = replace(ALERT, severity=Severity.LOW)


def routing(**sections: Any) -> Routing:
    """Of sections as in mantissa.toml; every sink is core.file."""
    settings = Settings.model_validate(
        sections | {"sinks": {label: {"plugin": "core.file", **own} for label, own in sections["sinks"].items()}}
    )
    rules = Rules.of(settings.routes, settings.environments, settings.maintenance, settings.escalations)
    sinks = settings.sinks.items()
    return Routing([Route(label, own.enabled, frozenset(own.severity_filter)) for label, own in sinks], rules)


def told(subject: Routing, alert: Alert = ALERT, at: datetime = NOON) -> list[str]:
    return [each.label for each in subject.decide(alert, at).to]


def problems(subject: Routing) -> list[tuple[str, str]]:
    found = subject.rules.problems({each.label: each.severities if each.enabled else None for each in subject})
    return [(each.place, each.detail) for each in found]


def test_a_sink_that_no_route_names_hears_what_its_severities_let_through() -> None:
    subject = routing(sinks={"log": {}, "pager": {"severity_filter": ["high"]}, "off": {"enabled": False}})
    assert told(subject) == ["log", "pager"]
    assert told(subject, LOW) == ["log"]


def test_a_sink_that_routes_name_hears_what_one_of_them_takes_and_its_severities_let_through() -> None:
    subject = routing(
        sinks={"pager": {"severity_filter": ["high", "critical"]}, "log": {}},
        routes={
            "login": {"to": ["pager"], "when": {"rules": ["*login*"]}},
            "amara": {"to": ["pager"], "when": {"entities": {"user": ["amara@*"]}}},
        },
    )
    assert told(subject) == ["pager", "log"]
    assert told(subject, replace(ALERT, rule_name="x")) == ["pager", "log"]
    assert told(subject, replace(ALERT, rule_name="x", entities={})) == ["log"]
    assert told(subject, LOW) == ["log"]


def test_a_sink_that_only_a_chain_names_waits_for_its_step() -> None:
    sections: dict[str, Any] = {
        "sinks": {"chat": {}, "pager": {}, "log": {}},
        "routes": {"all": {"to": ["chat"], "escalation": "on-call"}},
        "escalations": {"on-call": {"steps": [{"after": "15m", "to": ["pager"]}]}},
    }
    assert told(routing(**sections)) == ["chat", "log"]
    never_begun = sections | {"routes": {"all": {"to": ["chat"]}}}
    assert told(routing(**never_begun)) == ["chat", "pager", "log"]


def test_the_rest_goes_where_nothing_else_went() -> None:
    subject = routing(
        sinks={"pager": {}, "chat": {}},
        routes={"others": {"to": ["chat"], "rest": True}, "high": {"to": ["pager"], "when": {"severities": "high"}}},
    )
    assert told(subject) == ["pager"]
    assert told(subject, LOW) == ["chat"]


@pytest.mark.parametrize("pager", [None, {"enabled": False}, {"severity_filter": ["low"]}])
def test_what_nobody_of_a_route_can_hear_is_left_to_the_rest(pager: dict[str, Any] | None) -> None:
    sinks: dict[str, Any] = {"chat": {}} | ({"pager": pager} if pager else {})
    subject = routing(
        sinks=sinks,
        routes={"high": {"to": ["pager"], "when": {"severities": "high"}}, "others": {"to": ["chat"], "rest": True}},
    )
    assert told(subject) == ["chat"]


def test_a_route_with_a_missing_sink_still_serves_the_others_and_is_named() -> None:
    subject = routing(
        sinks={"chat": {}, "off": {"enabled": False}},
        routes={"high": {"to": ["pager", "off", "chat"], "escalation": "nobody"}},
        escalations={"on-call": {"steps": [{"after": "5m", "to": ["phone"]}]}},
    )
    assert told(subject) == ["chat"]
    assert problems(subject) == [
        ("routes.high", "no sink 'pager' is configured"),
        ("routes.high", "sink 'off' is disabled"),
        ("routes.high", "no chain 'nobody' under [escalations]"),
        ("escalations.on-call", "step 1: no sink 'phone' is configured"),
        ("escalations.on-call", "no route names it, so it never begins"),
    ]


def test_alerts_that_reach_nobody_are_a_problem_unless_somebody_takes_the_rest() -> None:
    high = {"to": ["pager"], "when": {"severities": "high"}}
    assert problems(routing(sinks={"pager": {}, "log": {}}, routes={"high": high})) == []
    assert problems(routing(sinks={"pager": {}}, routes={"high": high, "all": {"to": "pager", "rest": True}})) == []
    assert problems(routing(sinks={"pager": {"severity_filter": ["high"]}})) == []
    remedy = "add a route with 'rest = true', or a sink that no route names"
    told_only_by_chains = {"severity_filter": []}
    assert problems(routing(sinks={"pager": {}, "boss": told_only_by_chains}, routes={"high": high})) == [
        ("routes", f"alerts that no route takes reach nobody: {remedy}")
    ]
    assert problems(routing(sinks={"pager": {}, "log": {"severity_filter": ["low"]}}, routes={"high": high})) == [
        ("routes", "alerts of severity informational, medium, high, critical that no route takes reach nobody: "
                   + remedy)
    ]  # fmt: skip


def test_a_chain_begins_for_what_its_route_takes_and_where_its_sinks_are_gone() -> None:
    chain = {"on-call": {"steps": [{"after": "5m", "to": ["chat"]}]}}

    def chains(alert: Alert, **sinks: Any) -> tuple[str, ...]:
        return routing(
            sinks=sinks, routes={"r": {"to": ["pager"], "escalation": "on-call"}}, escalations=chain
        ).decide(alert, NOON).chains  # fmt: skip

    assert chains(ALERT, pager={}, chat={}) == ("on-call",)
    assert chains(ALERT, chat={}) == ("on-call",)
    assert chains(LOW, pager={"severity_filter": ["high"]}, chat={}) == ()


def test_of_the_open_windows_that_concern_an_alert_the_one_that_closes_last_mutes_it() -> None:
    day = {"start": "2026-03-02T00:00:00Z"}
    subject = routing(
        sinks={"chat": {}},
        maintenance={
            "short": day | {"end": "2026-03-02T13:00:00Z"},
            "long": day | {"end": "2026-03-02T14:00:00Z", "when": {"severities": ["high"]}},
            "other": day | {"end": "2026-03-02T15:00:00Z", "when": {"sources": ["okta.*"]}},
        },
    )
    muted = subject.decide(ALERT, NOON).muted
    assert muted is not None
    assert (muted.window, muted.until) == ("long", datetime(2026, 3, 2, 14, tzinfo=UTC))
    assert told(subject) == []
    low = subject.decide(LOW, NOON).muted
    assert low is not None
    assert low.window == "short"
    assert told(subject, ALERT, datetime(2026, 3, 2, 14, tzinfo=UTC)) == ["chat"]


SINKS = ["a", "b", "c"]
WHENS = st.fixed_dictionaries(
    {},
    optional={
        "severities": st.lists(st.sampled_from([str(each) for each in Severity]), min_size=1, max_size=3),
        "tags": st.sampled_from([["attack.*"], ["nothing"]]),
        "sources": st.sampled_from([["aws.*"], ["okta.*"]]),
        "hours": st.sampled_from(["08:00-18:00", "18:00-08:00"]),
        "environments": st.sampled_from([["production"], ["*"]]),
    },
)
ROUTES = st.lists(
    st.fixed_dictionaries(
        {"to": st.lists(st.sampled_from([*SINKS, "gone"]), min_size=1, max_size=3)},
        optional={"when": WHENS, "rest": st.booleans()},
    ),
    max_size=5,
)
CONFIGURED = st.dictionaries(
    st.sampled_from(SINKS),
    st.fixed_dictionaries(
        {},
        optional={
            "enabled": st.booleans(),
            "severity_filter": st.lists(st.sampled_from([str(each) for each in Severity]), max_size=4),
        },
    ),
)
ALERTS = st.builds(
    replace, st.just(ALERT), severity=st.sampled_from(Severity), table=st.sampled_from(["aws_cloudtrail", ""])
)


@given(CONFIGURED, ROUTES, ALERTS, st.integers(0, 23))
def test_each_alert_goes_somewhere_unless_told_otherwise(
    sinks: dict[str, Any], routes: list[dict[str, Any]], alert: Alert, hour: int
) -> None:
    at = NOON.replace(hour=hour)
    sections = {f"r{number}": each for number, each in enumerate(routes)}
    plain = {label for label, each in sinks.items() if routing(sinks={label: each}).decide(alert, at).to}
    named = {label for each in routes for label in each["to"]}
    heard = set(told(routing(sinks=sinks, routes=sections), alert, at))
    assert plain - named <= heard <= plain  # without routes a sink hears all; with them, never more
    catching = sections | {"rest": {"to": SINKS, "rest": True}}
    assert bool(told(routing(sinks=sinks, routes=catching), alert, at)) is bool(plain)
    only_gone = {"x": {"to": ["gone"]}}
    assert set(told(routing(sinks=sinks, routes=only_gone), alert, at)) == plain


@given(CONFIGURED, ROUTES, ALERTS, st.integers(0, 23), st.booleans())
def test_what_is_explained_is_what_is_decided(
    sinks: dict[str, Any], routes: list[dict[str, Any]], alert: Alert, hour: int, mute: bool
) -> None:
    at = NOON.replace(hour=hour)
    window = {"w": {"start": "2026-03-02T00:00:00Z", "end": "2026-03-02T12:00:00Z"}} if mute else {}
    subject = routing(
        sinks=sinks, routes={f"r{number}": each for number, each in enumerate(routes)}, maintenance=window
    )
    found = explain(subject, alert, at)
    assert list(found.told) == told(subject, alert, at)
    assert [each.sink for each in found.sinks] == list(sinks)
    assert all(each.why for each in found.sinks)
    taking = {each.route for each in found.routes if each.takes}
    if not found.muted_by:
        heard = {label for name in taking for label in routes[int(name[1:])]["to"]}
        free = set(sinks) - {label for each in routes for label in each["to"]}
        assert set(found.told) <= heard | free
    assert [bool(each.unmet) for each in found.routes] == [not each.takes for each in found.routes]


def test_the_reason_names_the_first_condition_that_fails() -> None:
    subject = routing(
        sinks={"pager": {}, "chat": {"severity_filter": ["low"]}, "off": {"enabled": False}, "log": {}},
        routes={
            "night": {"to": ["pager"], "when": {"severities": ["high"], "hours": "22:00-06:00"}},
            "okta": {"to": ["pager", "gone"], "when": {"sources": ["okta.*"]}},
            "rest": {"to": ["off"], "rest": True},
        },
        environments={"production": {"when": {"sources": ["aws.*"]}}},
    )
    found = explain(subject, ALERT, NOON)
    assert {each.sink: (each.told, each.why) for each in found.sinks} == {
        "pager": (
            False,
            "route night: hours: found mon 12:00 UTC, expected 22:00-06:00 UTC; "
            "route okta: sources: found aws_cloudtrail, expected okta.*",
        ),
        "chat": (False, "severity_filter: found high, expected low"),
        "off": (False, "disabled"),
        "log": (True, "no route names it"),
    }
    assert found.environments == ("production",)
    assert [each.unmet for each in found.routes if each.route == "rest"] == ["nobody to tell: sink off is disabled"]


def test_patterns_with_many_stars_end_on_hostile_texts() -> None:
    """With backtracking, this would take longer than anybody waits."""
    subject = routing(
        sinks={"chat": {}}, routes={"r": {"to": "chat", "when": {"entities": {"user": ["*a*a*a*a*a*a*a*a*b"]}}}}
    )
    assert told(subject, replace(ALERT, entities={"user": ("a" * 300,) * 10})) == []
