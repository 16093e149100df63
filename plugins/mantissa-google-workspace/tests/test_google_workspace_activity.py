from __future__ import annotations

from typing import Any

import pytest
from mantissa_google_workspace.activity import events_of

ACTIVITY = {
    "id": {"time": "2025-03-04T09:15:02.351Z", "applicationName": "drive"},
    "actor": {"email": "noor@example.com"},
}


def parameters(*given: Any) -> dict[str, Any]:
    [event] = events_of({**ACTIVITY, "events": [{"name": "edit", "parameters": list(given)}]})
    return event


def test_each_event_of_an_activity_is_a_record_with_what_is_common_to_them() -> None:
    events = [{"type": "access", "name": "edit"}, {"type": "acl_change", "name": "change_user_access"}]
    assert events_of({**ACTIVITY, "events": events}) == [
        {**ACTIVITY, "type": "access", "name": "edit", "event_index": 0},
        {**ACTIVITY, "type": "acl_change", "name": "change_user_access", "event_index": 1},
    ]


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"value": "5"}, "5"),
        ({"boolValue": False}, False),
        ({"intValue": "-9223372036854775808"}, -(2**63)),
        ({"multiValue": ["a", "b"]}, ["a", "b"]),
        ({"multiIntValue": ["1", "2"]}, [1, 2]),
        ({"messageValue": {"parameter": [{"name": "x", "value": "1"}]}}, {"x": "1"}),
        ({"multiMessageValue": [{"parameter": [{"name": "x", "intValue": "1"}]}, {"parameter": []}]}, [{"x": 1}, {}]),
        ({}, None),
    ],
)
def test_a_parameter_is_named_and_keeps_the_kind_of_its_value(given: dict[str, Any], value: Any) -> None:
    event = parameters({"name": "p", **given})
    assert event["parameters"] == {"p": value}
    assert "other_parameters" not in event


@pytest.mark.parametrize(
    "odd",
    [
        {"value": "nameless"},
        {"name": "", "value": "x"},
        {"name": 5, "value": "x"},
        {"name": "p", "value": 5},
        {"name": "p", "intValue": "05"},
        {"name": "p", "intValue": 5},
        {"name": "p", "boolValue": "true"},
        {"name": "p", "multiValue": ["a", None]},
        {"name": "p", "multiValue": "a"},
        {"name": "p", "messageValue": {"parameter": [{"value": "nameless"}]}},
        {"name": "p", "messageValue": {"parameter": [], "more": 1}},
        {"name": "p", "newKindOfValue": {}},
        {"name": "p", "value": "x", "boolValue": True},
        {"name": "known", "value": "again"},
    ],
    ids=str,
)
def test_a_parameter_of_another_form_is_kept_as_it_is(odd: dict[str, Any]) -> None:
    event = parameters({"name": "known", "value": "x"}, odd)
    assert (event["parameters"], event["other_parameters"]) == ({"known": "x"}, [odd])


@pytest.mark.parametrize("given", ["text", {"name": "p"}, ["text"], 5])
def test_parameters_that_are_no_list_of_objects_are_kept_as_they_are(given: Any) -> None:
    [event] = events_of({**ACTIVITY, "events": [{"name": "edit", "parameters": given}]})
    assert (event["parameters"], event["other_parameters"]) == ({}, given)


@pytest.mark.parametrize("events", [{"name": "edit"}, "edit", [{"name": "edit"}, None], 5])
def test_events_that_are_no_list_of_objects_are_kept_as_they_are(events: Any) -> None:
    assert events_of({**ACTIVITY, "events": events}) == [{**ACTIVITY, "events": events}]


@pytest.mark.parametrize("activity", [ACTIVITY, {**ACTIVITY, "events": []}, {**ACTIVITY, "events": None}])
def test_an_activity_without_events_is_one_record(activity: dict[str, Any]) -> None:
    assert events_of(activity) == [ACTIVITY]


def test_a_record_that_is_an_event_already_stays_one() -> None:
    event = {**ACTIVITY, "name": "edit", "type": "access", "parameters": {"visibility": "private"}}
    assert events_of(event) == [event]


@pytest.mark.parametrize(
    ("application", "service"),
    [
        ("admin", "admin.googleapis.com"),
        ("login", "login.googleapis.com"),
        ("token", "oauth2.googleapis.com"),
        (5, None),
    ],
)
def test_the_name_that_rules_know_an_application_by_is_added(application: Any, service: str | None) -> None:
    [event] = events_of({"id": {"applicationName": application}, "events": [{"name": "x"}]})
    assert event.get("eventService") == service


def test_the_activity_is_not_changed() -> None:
    activity = {
        "id": {"applicationName": "admin"},
        "events": [{"name": "x", "parameters": [{"name": "a", "value": "b"}]}],
    }
    before = repr(activity)
    events_of(activity)
    assert repr(activity) == before
