"""``mantissa schedules``: rules that run at times instead of with each commit."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .command import Group, Session, pass_session
from .output import plural, print_json, say, table, width

if TYPE_CHECKING:
    from mantissa_core.detect.schedule.book import Scheduled
    from mantissa_core.detect.schedule.runs import Run
    from mantissa_core.runtime import Runtime

SHORT_ID = 8
WIDE, MEDIUM = 160, 110
"""Terminal columns from which on ids are printed whole, and how many rows there were."""

STYLES = {"failed": "bold red", "disabled": "dim"}


@click.group("schedules", cls=Group)
def command() -> None:
    """List, create and switch the schedules of rules."""


@command.command("list")
@pass_session
def list_schedules(session: Session) -> None:
    """List schedules with their last and next run, in UTC."""
    with session.runtime() as runtime:
        found = schedule_documents(runtime)
    if session.json:
        print_json(list(found.values()))
        return
    if not found:
        say(f"No rule has a schedule. {session.command} schedules create --help")
        return
    length = None if width() >= WIDE else SHORT_ID
    columns = ["ID", "RULE", "SCHEDULE", "STATE", "LAST RUN", "NEXT RUN"]
    if width() >= MEDIUM:
        columns[3:3] = ["WINDOW", "ROWS"]
    rows = [[_cells(each, length)[name] for name in columns] for each in found.values()]
    table(columns, rows, fixed=[*columns[:1], *columns[2:]], right=["ROWS"], styles=STYLES)
    for each in found.values():
        if each["error"]:
            say(f"\n{each['title']}: {each['error']}")
    if not session.quiet:
        say(f"\n{plural(len(found), 'schedule')}")


@command.command("create")
@click.argument("rule_id", metavar="RULE")
@click.option("--schedule", "expression", required=True, help="'rate(5 minutes)' or 'cron(0 9 * * *)', in UTC.")
@click.option("--window", metavar="LENGTH", help="How far back each run looks: 15m, 24h. Default: to the run before.")
@click.option("--disabled", is_flag=True, help="Do not run it yet.")
@pass_session
def create_schedule(session: Session, rule_id: str, expression: str, window: str | None, disabled: bool) -> None:
    """Run a rule by a schedule, from now on.

    It takes the place of the schedule that the rule's file names.
    RULE is the beginning of the id of a Sigma or SQL rule. A Sigma rule that has a schedule no longer follows commits.
    """
    with session.runtime() as runtime:
        rule = _rule(runtime, rule_id)
        made = runtime.schedules.create(rule, expression, window, enabled=not disabled, by=getpass.getuser())
        runtime.schedule_runs.begin(rule, datetime.now(UTC))
        _show(session, runtime, made)


@command.command("enable")
@click.argument("rule_id", metavar="RULE")
@pass_session
def enable_schedule(session: Session, rule_id: str) -> None:
    """Let a rule's schedule run again.

    What it missed while it was disabled is not caught up.
    """
    _switch(session, rule_id, enabled=True)


@command.command("disable")
@click.argument("rule_id", metavar="RULE")
@pass_session
def disable_schedule(session: Session, rule_id: str) -> None:
    """Keep a rule's schedule from running.

    The rule finds nothing until it is enabled.
    """
    _switch(session, rule_id, enabled=False)


@command.command("rm")
@click.argument("rule_id", metavar="RULE")
@pass_session
def remove_schedule(session: Session, rule_id: str) -> None:
    """Forget what was said by command.

    What the rule's file says holds again. A Sigma rule whose file names no schedule follows commits again.
    """
    with session.runtime() as runtime:
        rule = _rule(runtime, rule_id)
        removed = runtime.schedules.remove(rule)
        if not removed:
            raise click.UsageError(f"{rule_id}: nothing was said by command; the schedule in its file is changed there")
        left = runtime.schedules.get(rule)
        if session.json:
            print_json({"rule": rule, "removed": removed, "schedule": left.timing.schedule.text if left else None})
        else:
            say(f"Removed. The rule's file says {left.timing.schedule.text}." if left else "Removed.")


def _switch(session: Session, rule_id: str, *, enabled: bool) -> None:
    with session.runtime() as runtime:
        rule = _rule(runtime, rule_id)
        made = runtime.schedules.enable(rule, enabled=enabled, by=getpass.getuser())
        if enabled:
            runtime.schedule_runs.begin(rule, datetime.now(UTC))
        _show(session, runtime, made)


def _rule(runtime: Runtime, beginning: str) -> str:
    from mantissa_core.detect.correlate.correlation import Correlation

    from .rules.chosen import one_document

    found = one_document(runtime.rules.all, beginning)
    if isinstance(found, Correlation):
        raise click.UsageError(f"{found.title} is a correlation: it follows the rules that it refers to")
    return found.id


def _show(session: Session, runtime: Runtime, made: Scheduled) -> None:
    document = schedule_documents(runtime)[made.rule.id]
    if session.json:
        print_json(document)
    elif made.enabled:
        next_run = str(document["next_run"])[:16].replace("T", " ")
        say(f"{made.rule.title}: {document['schedule_expression']}, next at {next_run} UTC.")
    else:
        say(f"{made.rule.title}: disabled.")


def schedule_documents(runtime: Runtime) -> dict[str, dict[str, Any]]:
    """Every rule that has a schedule, by id, as JSON shows it."""
    now, runs = datetime.now(UTC), runtime.schedule_runs.all()
    return {each.rule.id: _document(each, runs.get(each.rule.id), now) for each in runtime.schedules.all()}


def _document(entry: Scheduled, run: Run | None, now: datetime) -> dict[str, Any]:
    ahead = entry.timing.schedule.after(now) if entry.enabled else None
    return {
        "rule": entry.rule.id,
        "title": entry.rule.title,
        "schedule_expression": entry.timing.schedule.text,
        "window": entry.timing.window_text or None,
        "enabled": entry.enabled,
        "by_command": entry.by_command,
        "last_executed": run.last_executed if run else None,
        "rows": run.rows if run and run.last_executed else None,
        "signals": run.signals if run and run.last_executed else None,
        "error": run.error if run else "",
        "failures": run.failures if run else 0,
        "next_run": ahead.isoformat() if ahead else None,
        "changes": list(entry.changes),
    }


def _cells(each: dict[str, Any], length: int | None) -> dict[str, object]:
    return {
        "ID": each["rule"][:length],
        "RULE": each["title"],
        "SCHEDULE": each["schedule_expression"],
        "WINDOW": each["window"],
        "ROWS": each["rows"],
        "STATE": "disabled" if not each["enabled"] else "failed" if each["error"] else "enabled",
        "LAST RUN": _minute(each["last_executed"]),
        "NEXT RUN": _minute(each["next_run"]),
    }


def _minute(moment: str | None) -> str:
    return moment[:16].replace("T", " ") if moment else ""
