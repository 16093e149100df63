"""``mantissa routes test``: where an alert would go, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.alerts.present import the_alert
from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import SEVERITY_STYLES, moment, print_json, say, table

if TYPE_CHECKING:
    from mantissa_core.alert.routing.explain import Explanation
    from mantissa_core.model import Alert
    from mantissa_core.runtime import Runtime

TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])
STYLES = {"yes": "green", "no": "dim"}


@click.command("test", cls=Command)
@click.option("--alert", "alert_id", metavar="ID", help="An alert there is; the beginning of its id is enough.")
@click.option("--rule", "rule_id", metavar="ID", help="An alert of this rule, with its severity, tags and source.")
@click.option("--severity", type=click.Choice([*SEVERITY_STYLES]), help="Of this severity.")
@click.option("--tag", "tags", multiple=True, help="With this tag, too.")
@click.option("--source", metavar="NAME", help="From this log type.")
@click.option("--entity", "entities", multiple=True, metavar="KIND=VALUE", help="About this, such as user=amara.")
@click.option("--at", type=TIME, metavar="TIME", help="As if it opened then (UTC). Default: now.")
@pass_session
def test_routes(session: Session, /, alert_id: str | None, at: datetime | None, **invented: Any) -> None:
    """Say for each sink whether an alert would go there, and why. Nobody is told.

    The alert is one that there is, or one that the other options make up.
    """
    moment_ = at.replace(tzinfo=UTC) if at else datetime.now(UTC)
    if bool(alert_id) is any(invented.values()):
        raise click.UsageError("--alert ID, or what the alert would be: --rule, --severity, --tag, --source, --entity")
    with session.runtime(log_level="error") as runtime:
        alert = the_alert(runtime, alert_id) if alert_id else _invented(runtime, moment_, **invented)
        found = runtime.explain_routes(alert, moment_)
        heard = sorted(runtime.told(alert.id)) if alert_id else []
        problems = runtime.routing_problems()
    if session.json:
        lost = [{"place": each.place, "detail": each.detail} for each in problems]
        print_json({"alert": alert.id or None, "heard": heard, **asdict(found), "problems": lost})
        return
    _show(alert, found, heard)
    for each in problems:
        say(f"\n{each.place}: {each.detail}")


def _invented(
    runtime: Runtime,
    at: datetime,
    *,
    rule_id: str | None,
    severity: str | None,
    tags: tuple[str, ...],
    source: str | None,
    entities: tuple[str, ...],
) -> Alert:
    """An alert that is nowhere stored."""
    from mantissa_core.cli.rules.chosen import one_document
    from mantissa_core.model import Alert, Severity

    rule = one_document(runtime.rules.all, rule_id) if rule_id else None
    return Alert(
        id="",
        rule_id=rule.id if rule else "",
        rule_name=rule.title if rule else "",
        summary=rule.title if rule else "an alert",
        severity=Severity(severity) if severity else rule.severity if rule else Severity.MEDIUM,
        description="",
        status="open",
        count=1,
        first_seen=at,
        last_seen=at,
        created=at,
        table=source.replace(".", "_") if source else _table(runtime, rule),
        tags=(*(rule.tags if rule else ()), *tags),
        entities=_entities(entities),
    )


def _table(runtime: Runtime, rule: Any) -> str:
    """The table that a rule reads; of a correlation none, because it may read several."""
    from mantissa_core.detect.match.route import log_types_of
    from mantissa_core.detect.rules.rule import Rule
    from mantissa_core.detect.sql_rules import SqlRule

    if isinstance(rule, SqlRule):
        return ", ".join(rule.tables)
    read = log_types_of(rule, runtime.log_types) if isinstance(rule, Rule) else []
    return read[0].table if read else ""


def _entities(texts: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        kind, equals, value = text.partition("=")
        if not (kind and equals and value):
            raise click.BadParameter(f"{text!r}, expected KIND=VALUE such as user=amara", param_hint="--entity")
        found[kind] = (*found.get(kind, ()), value)
    return found


def _show(alert: Alert, found: Explanation, heard: list[str]) -> None:
    named = f" in {', '.join(found.environments)}" if found.environments else ""
    say(f"{alert.severity.value.upper()}  {alert.summary}{named}, at {moment(found.at)} UTC\n")
    rows = [(each.sink, "yes" if each.told else "no", each.why) for each in found.sinks]
    if rows:
        table(["SINK", "TOLD", "WHY"], rows, fixed=["SINK", "TOLD"], styles=STYLES)
    else:
        say("No sink is configured.")
    lines = [*_windows(found), *_steps(found)]
    if heard:
        lines.append(f"Heard of it already: {', '.join(heard)}. They hear of its steps whatever the routes say.")
    if lines:
        say("\n" + "\n".join(lines))


def _windows(found: Explanation) -> Iterator[str]:
    for each in found.maintenance:
        if each.until is None:
            continue
        about = f"does not concern it ({each.unmet})" if each.unmet else "nobody is told before it closes"
        yield f"Maintenance window {each.window}, open until {moment(each.until)}: {about}."


def _steps(found: Explanation) -> Iterator[str]:
    for each in found.escalation:
        missing = f" (not running: {', '.join(each.missing)})" if each.missing else ""
        yield (
            f"Unless somebody acknowledges by {moment(each.at)}: {', '.join(each.to)}{missing},"
            f" step {each.step} of {each.chain}."
        )
