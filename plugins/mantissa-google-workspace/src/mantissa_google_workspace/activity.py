"""From an activity, as Google reports it, to events: one for each entry of its ``events``.

An activity is what somebody did at one time; its ``events`` are what happened by it, each with a name and parameters
of its own. A rule asks for an event's name together with its parameters, and a row holds one of each: so each event
becomes a record, with what the activity says of all of them. ``parameters`` become an object from name to value, so
that each of them has a path.

Reference: https://developers.google.com/workspace/admin/reports/reference/rest/v1/activities/list#Activity
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeGuard

SERVICES: Final = {
    "admin": "admin.googleapis.com",
    "groups_enterprise": "cloudidentity.googleapis.com",
    "login": "login.googleapis.com",
    "saml": "login.googleapis.com",
    "token": "oauth2.googleapis.com",
}
"""Names under which Cloud Logging has the same logs, and Sigma rules ask for them.

https://cloud.google.com/logging/docs/audit/gsuite-audit-logging
"""
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_ABSENT = object()


def events_of(activity: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The events of an activity; the activity as it stands where it has none that can be told apart.

    ``event_index`` is the place in ``events``. Parameters that cannot be told by name and kind stay a list, in
    ``other_parameters``: nothing is lost.
    """
    common = {name: value for name, value in activity.items() if name != "events"}
    application = _application(activity)
    if application in SERVICES and "eventService" not in common:
        common["eventService"] = SERVICES[application]
    found = activity.get("events")
    if not _are_objects(found):
        return [common if found is None else {**common, "events": found}]
    return [{**common, **_event(each), "event_index": index} for index, each in enumerate(found)] or [common]


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    given = event.get("parameters")
    if given is None:
        return dict(event)
    named, others = _by_name(given) if _are_objects(given) else ({}, given)
    folded: dict[str, Any] = {**event, "parameters": named}
    if others:
        folded["other_parameters"] = others
    return folded


def _by_name(parameters: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], list[Mapping[str, Any]]]:
    """Parameters by name, and those that are not of the documented form or repeat a name."""
    named: dict[str, Any] = {}
    others = []
    for each in parameters:
        name, value = each.get("name"), _value(each)
        if not isinstance(name, str) or not name or name in named or value is _ABSENT:
            others.append(each)
        else:
            named[name] = value
    return named, others


def _value(parameter: Mapping[str, Any]) -> Any:
    """The value, which stands under a name that tells its kind; ``None`` where the parameter has no value."""
    kinds = [name for name in parameter if name != "name"]
    if not kinds:
        return None
    if len(kinds) > 1 or kinds[0] not in _KINDS:
        return _ABSENT
    return _KINDS[kinds[0]](parameter[kinds[0]])


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else _ABSENT


def _truth(value: Any) -> Any:
    return value if isinstance(value, bool) else _ABSENT


def _integer(value: Any) -> Any:
    """Google writes 64-bit integers as text."""
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else _ABSENT


def _message(value: Any) -> Any:
    """A message is a list of parameters under the name ``parameter``."""
    if not isinstance(value, Mapping) or value.keys() != {"parameter"} or not _are_objects(value["parameter"]):
        return _ABSENT
    named, others = _by_name(value["parameter"])
    return _ABSENT if others else named


def _each(values: Any, kind: Any) -> Any:
    found = [kind(each) for each in values] if isinstance(values, list) else [_ABSENT]
    return _ABSENT if any(each is _ABSENT for each in found) else found


_KINDS: Final[Mapping[str, Any]] = {
    "value": _text,
    "boolValue": _truth,
    "intValue": _integer,
    "messageValue": _message,
    "multiValue": lambda values: _each(values, _text),
    "multiIntValue": lambda values: _each(values, _integer),
    "multiMessageValue": lambda values: _each(values, _message),
}


def _application(activity: Mapping[str, Any]) -> str:
    identity = activity.get("id")
    name = identity.get("applicationName") if isinstance(identity, Mapping) else None
    return name if isinstance(name, str) else ""


def _are_objects(found: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    return isinstance(found, list) and all(isinstance(each, Mapping) for each in found)
