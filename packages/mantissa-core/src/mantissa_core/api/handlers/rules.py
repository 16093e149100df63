"""Rules and their schedules."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import yaml

from mantissa_core.api import models
from mantissa_core.api.call import Call
from mantissa_core.api.own_rules import OwnRules
from mantissa_core.api.problem import not_found
from mantissa_core.api.visible import VisibleRules
from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.detect.rules.stages import PARTITION
from mantissa_core.detect.schedule.book import Scheduled
from mantissa_core.detect.schedule.timing import parse_timing
from mantissa_core.detect.sql_rules import SqlRule

if TYPE_CHECKING:
    from mantissa_core.api.own_rules import AnyRule


def rules(call: Call) -> models.RulesReply:
    """The rules that loaded."""
    own, visible = OwnRules(call.runtime), VisibleRules(call.runtime, call.caller)
    found = [_reply(each, own) for each in call.runtime.rules.all if visible.shows(each)]
    return models.RulesReply(rules=sorted(found, key=lambda each: (each.title, each.id)))


def rule(call: Call) -> models.RuleReply:
    """One rule, with its text."""
    return _whole(call, _visible(call))


def save_rule(call: Call) -> models.RuleReply:
    """Write a rule of the instance's own: a new one, or in place of the one of that id."""
    body, rule_id = call.sent(models.RuleBody), call.path["id"]
    return _whole(call, _save(call, rule_id, body.rule, body.tests))


def delete_rule(call: Call) -> models.RuleReply:
    """Remove a rule of the instance's own."""
    found = _visible(call)
    reply, own = _whole(call, found), OwnRules(call.runtime)
    own.delete(found, lambda each: call.note(PARTITION, f"rule/{each.id}", "deleted", before=each.version))
    return reply


def create_detection(call: Call) -> models.DetectionReply:
    """Make an SQL rule of a query."""
    body, rule_id = call.sent(models.DetectionBody), str(uuid.uuid4())
    parse_timing({"schedule_expression": body.schedule_expression})
    document = {
        "title": body.name,
        "id": rule_id,
        "description": body.description,
        "level": body.severity,
        "query": body.query,
        "threshold": {"type": "count", "value": body.threshold.value},
        "schedule_expression": body.schedule_expression,
        "enabled": body.enabled,
    }
    _save(call, rule_id, yaml.safe_dump(document, sort_keys=False, allow_unicode=True), None)
    return models.DetectionReply(rule_id=rule_id, schedule_status="enabled" if body.enabled else "disabled")


def schedules(call: Call) -> models.SchedulesReply:
    """Which rules run by a schedule."""
    return models.SchedulesReply(schedules=[_schedule(each) for each in call.runtime.schedules.all()])


def schedule(call: Call) -> models.ScheduleReply:
    """Run a rule by a schedule, from now on."""
    body = call.sent(models.ScheduleBody)
    found = call.runtime.rules.get(body.rule_id)
    if found is None or isinstance(found, Correlation):
        raise not_found("rule")
    parse_timing({"schedule_expression": body.schedule_expression, "window": body.window})
    call.note(PARTITION, f"rule/{found.id}", "scheduled", expression=body.schedule_expression, enabled=body.enabled)
    made = call.runtime.schedules.create(
        found.id, body.schedule_expression, body.window, enabled=body.enabled, by=call.caller.name
    )
    call.runtime.schedule_runs.begin(found.id, datetime.now(UTC))
    return _schedule(made)


def _save(call: Call, rule_id: str, text: str, tests: str | None) -> AnyRule:
    before = call.runtime.rules.get(rule_id)
    old = before.version if before else None

    def note(made: AnyRule) -> None:
        call.note(PARTITION, f"rule/{rule_id}", "saved", before=old, after=made.version)

    return OwnRules(call.runtime).save(rule_id, text, tests, note)


def _visible(call: Call) -> AnyRule:
    found = call.runtime.rules.get(call.path["id"])
    if found is None or not VisibleRules(call.runtime, call.caller).shows(found):
        raise not_found("rule")
    return found


def _whole(call: Call, each: AnyRule) -> models.RuleReply:
    return _reply(each, OwnRules(call.runtime)).model_copy(update={"rule": each.text})


def _reply(each: AnyRule, own: OwnRules) -> models.RuleReply:
    return models.RuleReply(
        id=each.id,
        title=each.title,
        severity=each.severity.value if each.severity else None,
        kind="sql" if isinstance(each, SqlRule) else "correlation" if isinstance(each, Correlation) else "sigma",
        description=each.description,
        tags=list(each.tags),
        own=own.file(each) is not None,
    )


def _schedule(each: Scheduled) -> models.ScheduleReply:
    return models.ScheduleReply(
        rule_id=each.rule.id,
        rule_name=each.rule.title,
        schedule_expression=each.timing.schedule.text,
        state="ENABLED" if each.enabled else "DISABLED",
        status="enabled" if each.enabled else "disabled",
    )
