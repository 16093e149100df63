"""``mantissa rules shadow`` and ``mantissa rules promote``: the two ways of one switch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import moment, plural, print_json, say
from mantissa_core.detect.rules.attributes import Stage

from .chosen import one_document

if TYPE_CHECKING:
    from mantissa_core.detect.rules.stages import Placed, Staged
    from mantissa_core.detect.workflow.trial import Trial
    from mantissa_core.runtime import Runtime

_reason = click.option("--reason", default="", metavar="TEXT", help="Why; kept with who and when.")


@click.command("shadow", cls=Command)
@click.argument("rule_id", metavar="RULE")
@_reason
@pass_session
def shadow_rule(session: Session, rule_id: str, reason: str) -> None:
    """Put a rule on trial: it records signals and opens no alerts, until it is promoted.

    RULE is the beginning of an id. The command wins over the rule's file; 'mantissa run' follows at once.
    """
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        rule = one_document(runtime.rules.all, rule_id)
        _refuse_same(runtime, rule, Stage.SHADOW)
        placed = runtime.stages.set(rule, Stage.SHADOW, by=this_user(), reason=reason)
    if session.json:
        print_json({"rule": rule.id, "title": rule.title, **stage_document(placed)})
    else:
        say(f"{rule.title}: on trial from now on. It records signals and opens no alerts.")


@click.command("promote", cls=Command)
@click.argument("rule_id", metavar="RULE")
@_reason
@pass_session
def promote_rule(session: Session, rule_id: str, reason: str) -> None:
    """End a rule's trial: from now on it alerts. Says what it recorded, and how many alerts that would have been.

    RULE is the beginning of an id. What was recorded on trial opens no alerts afterwards either.
    """
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        rule = one_document(runtime.rules.all, rule_id)
        _refuse_same(runtime, rule, Stage.ACTIVE)
        numbers = trial_of(runtime, rule)
        placed = runtime.stages.set(rule, Stage.ACTIVE, by=this_user(), reason=reason)
    if session.json:
        document = {"rule": rule.id, "title": rule.title, **stage_document(placed)}
        print_json({**document, "trial": trial_document(numbers)})
        return
    say(f"{rule.title}: promoted, it alerts from now on.")
    say(f"On trial {trial_text(numbers)}.")


def trial_of(runtime: Runtime, rule: Staged) -> Trial:
    """What the rule's trial brought so far."""
    from mantissa_core.detect.workflow.trial import trial

    window = rule.alert_window or timedelta(minutes=runtime.settings.alerts.window_minutes)
    placed = runtime.stages.of(rule)
    began = placed.at if placed.stage is Stage.SHADOW else None
    return trial(runtime.lake, rule.id, window, datetime.now(UTC), began)


def trial_text(numbers: Trial) -> str:
    """``since 2026-11-01 (20 days): 40 signals, 12 would have been alerts, 0.6 a day``."""
    days = plural(round(numbers.days), "day")
    found = f"since {numbers.since:%Y-%m-%d} ({days}): {plural(numbers.signals, 'signal')}"
    if not numbers.signals:
        return found
    return f"{found} that would have been {plural(numbers.alerts, 'alert')}, {numbers.alerts_per_day:.1f} a day"


def trial_document(numbers: Trial) -> dict[str, Any]:
    """The trial as JSON."""
    return {
        "since": numbers.since,
        "signals": numbers.signals,
        "alerts": numbers.alerts,
        "alerts_per_day": round(numbers.alerts_per_day, 3),
    }


def stage_document(placed: Placed) -> dict[str, Any]:
    """The stage as JSON; ``stage_set`` where a command decided."""
    told = {"by": placed.by, "at": placed.at, "reason": placed.reason} if placed.commanded else None
    return {"stage": str(placed.stage), "stage_set": told}


def stage_text(placed: Placed) -> str:
    """The stage, and who decided it when and why."""
    if not placed.commanded:
        return str(placed.stage)
    why = f": {placed.reason}" if placed.reason else ""
    return f"{placed.stage}, by {placed.by} at {moment(placed.at)} UTC{why}"


def _refuse_same(runtime: Runtime, rule: Staged, stage: Stage) -> None:
    if runtime.stages.of(rule).stage is stage:
        known = "on trial already" if stage is Stage.SHADOW else "not on trial: it alerts"
        raise click.UsageError(f"{rule.id} is {known}")
