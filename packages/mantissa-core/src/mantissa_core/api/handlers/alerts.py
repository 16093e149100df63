"""Alerts and what people do with them. A caller who is limited to tables sees the alerts about these alone."""

from __future__ import annotations

from typing import Any

from mantissa_core.alert.codec import alert_to_json, time_to_json, to_json
from mantissa_core.alert.lifecycle import Step
from mantissa_core.alert.story import story
from mantissa_core.alert.verdicts import Judgement, Verdict
from mantissa_core.api import models
from mantissa_core.api.call import Call
from mantissa_core.api.problem import not_found
from mantissa_core.model import Alert, Severity


def alerts(call: Call) -> models.AlertsReply:
    """A page of alerts, the newest first."""
    asked = call.asked(models.AlertsQuery)

    def fits(alert: Alert) -> bool:
        return call.caller.sees(alert.table) and asked.status in (None, alert.status)

    severity = Severity(asked.severity) if asked.severity else None
    found, after = call.runtime.alerts.page(
        rule=asked.rule, severity=severity, fits=fits, after=asked.cursor or "", limit=asked.limit
    )
    verdicts = call.runtime.verdicts.get([each.id for each in found])
    return models.AlertsReply(alerts=[_reply(each, verdicts.get(each.id)) for each in found], next=after or None)


def alert(call: Call) -> models.AlertReply:
    """All about one alert."""
    found = _visible(call)
    history = call.runtime.lifecycle.history(found.id)
    related = [each for each in call.runtime.alerts.related(found) if call.caller.sees(each.alert.table)]
    return _reply(
        found,
        call.runtime.verdicts.get([found.id]).get(found.id),
        story=dict(story(found).lines()),
        deliveries=[to_json(each) for each in call.runtime.outbox.attempts(found.id)],
        history=[
            {"at": time_to_json(each.at), "by": each.by, "action": each.action, "note": each.note} for each in history
        ],
        related=[{"id": each.alert.id, "shares": to_json(dict(each.shares))} for each in related],
    )  # fmt: skip


def acknowledge(call: Call) -> models.AlertReply:
    """Take an alert over."""
    return _take(call, Step.ACKNOWLEDGE)


def resolve(call: Call) -> models.AlertReply:
    """Close an alert; what happens afterwards reopens it."""
    return _take(call, Step.RESOLVE)


def suppress(call: Call) -> models.AlertReply:
    """Close an alert for good."""
    return _take(call, Step.SUPPRESS)


def reopen(call: Call) -> models.AlertReply:
    """Open an alert again."""
    return _take(call, Step.REOPEN)


def judge(call: Call) -> models.AlertReply:
    """Say what an alert was."""
    body, found = call.sent(models.VerdictBody), _visible(call)
    made = call.runtime.verdicts.record(found, Verdict(body.verdict), by=call.caller.name, note=body.note)
    return _reply(found, made)


def _take(call: Call, step: Step) -> models.AlertReply:
    """The messages about it are sent by 'mantissa run', from the outbox."""
    note, found = call.sent(models.StepBody).note, _visible(call)
    changed = call.runtime.lifecycle.change(found.id, step, by=call.caller.name, note=note)
    return _reply(changed, call.runtime.verdicts.get([found.id]).get(found.id))


def _visible(call: Call) -> Alert:
    found = call.runtime.alerts.get(call.path["id"])
    if found is None or not call.caller.sees(found.table):
        raise not_found("alert")
    return found


def _reply(each: Alert, verdict: Judgement | None, **more: Any) -> models.AlertReply:
    judged = (
        {"verdict": str(verdict.verdict), "by": verdict.by, "at": time_to_json(verdict.at), "note": verdict.note}
        if verdict
        else None
    )
    return models.AlertReply.model_validate({**alert_to_json(each), "verdict": judged, **more})
