"""Alerts, as far as the caller sees their tables."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mantissa_core.alert.codec import alert_to_json, time_to_json, to_json
from mantissa_core.alert.story import story
from mantissa_core.api.problem import Problem
from mantissa_core.mcp.bounded import short, shrink, size, visible
from mantissa_core.mcp.call import Call
from mantissa_core.mcp.tool import Arguments, Limit, Reply, Untrusted
from mantissa_core.model import Alert, Severity

Level = Literal["informational", "low", "medium", "high", "critical"]
Status = Literal["open", "acknowledged", "resolved", "suppressed"]
AnyLevel = Literal["any", "informational", "low", "medium", "high", "critical"]
AnyStatus = Literal["any", "open", "acknowledged", "resolved", "suppressed"]
_LINE = frozenset({"id", "rule_id", "rule_name", "severity", "status", "summary", "count", "first_seen", "last_seen",
                   "table", "tags"})  # fmt: skip


class AlertsArguments(Arguments):
    """Which alerts."""

    status: AnyStatus = "any"
    severity: AnyLevel = "any"
    rule: Annotated[str, Field(max_length=200)] = ""
    """Only of the rule with this id."""
    limit: Limit = 20
    """Alerts at most."""
    cursor: Annotated[str, Field(pattern=r"^([0-9]{15}/[0-9a-zA-Z_.-]{1,128})?$")] = ""
    """'next' of the page before."""


class AlertLine(Reply):
    """An alert in short."""

    id: str
    rule_id: str
    rule_name: str
    severity: Level
    status: Status
    summary: str
    count: int
    """Signals that it holds."""
    first_seen: str
    last_seen: str
    table: str
    tags: list[str]
    verdict: str
    """What people found it to be, if they said so."""


class AlertsReply(Untrusted):
    """A page of alerts, the newest first."""

    alerts: list[AlertLine] = Field(default_factory=list)
    next: str = ""
    """What to give as 'cursor' for the next page; empty at the end."""


class AlertArguments(Arguments):
    """Which alert."""

    id: Annotated[str, Field(min_length=1, max_length=128)]
    """Its id, from 'alerts'."""


class AlertReply(Untrusted):
    """All about one alert."""

    alert: AlertLine
    story: dict[str, Any] = Field(default_factory=dict)
    """Who, what, when, where, why and how."""
    details: dict[str, Any] = Field(default_factory=dict)
    """The description, users, addresses and targets, event ids, evidence, what enrichers know, history, related."""


def alerts(call: Call, given: AlertsArguments) -> AlertsReply:
    """List alerts, the newest first, by status, severity and rule. 'alert' tells all about one of them."""

    def fits(each: Alert) -> bool:
        return call.caller.sees(each.table) and given.status in ("any", each.status)

    def page(limit: int) -> tuple[list[AlertLine], str]:
        severity = None if given.severity == "any" else Severity(given.severity)
        found, after = call.runtime.alerts.page(
            rule=given.rule or None, severity=severity, fits=fits, after=given.cursor, limit=limit
        )
        return _lines(call, list(found)), after

    found, after = page(given.limit)
    room = call.limits.max_characters - 1_000
    for fitting, each in enumerate(found):
        room -= size(each.model_dump()) + 1
        if room < 0:
            found, after = page(max(fitting, 1))
            break
    more = "call again with 'next' as cursor" if after else ""
    return AlertsReply(alerts=found, next=after, truncated=bool(after), more=more)


def alert(call: Call, given: AlertArguments) -> AlertReply:
    """Tell all about one alert: its story, entities, evidence, context from enrichers, history and related alerts.

    Its events are rows of its table: query them by the event ids (WHERE m_id IN (…)).
    """
    found = call.runtime.alerts.get(given.id)
    if found is None or not call.caller.sees(found.table):
        raise Problem(404, "there is no such alert", remedy="'alerts' lists those there are")
    line = _lines(call, [found])[0]
    document = alert_to_json(found)
    related = [each for each in call.runtime.alerts.related(found) if call.caller.sees(each.alert.table)]
    details = {
        **{name: value for name, value in document.items() if name not in _LINE and value not in ("", [], {}, None)},
        "history": [
            {"at": time_to_json(each.at), "by": each.by, "action": each.action, "note": each.note}
            for each in call.runtime.lifecycle.history(found.id)
        ],
        "related": [
            {"id": each.alert.id, "rule_name": each.alert.rule_name, "shares": to_json(dict(each.shares))}
            for each in related
        ],
    }
    made = AlertReply(alert=line, more="query the table by event ids for whole events")
    room = call.limits.max_characters - len(made.model_dump_json())
    told, cut = shrink(dict(story(found).lines()), room // 3)
    known, left_out = shrink(details, room - size(told))
    truncated = cut or left_out
    return made.model_copy(
        update={"story": told, "details": known, "truncated": truncated, "more": made.more if truncated else ""}
    )


def _lines(call: Call, found: list[Alert]) -> list[AlertLine]:
    verdicts = call.runtime.verdicts.get([each.id for each in found])
    return [
        AlertLine(
            id=each.id,
            rule_id=each.rule_id,
            rule_name=visible(each.rule_name),
            severity=each.severity.value,
            status=each.status,
            summary=short(each.summary, 300),
            count=each.count,
            first_seen=time_to_json(each.first_seen),
            last_seen=time_to_json(each.last_seen),
            table=each.table,
            tags=list(each.tags)[:20],
            verdict=str(verdicts[each.id].verdict) if each.id in verdicts else "",
        )
        for each in found
    ]
