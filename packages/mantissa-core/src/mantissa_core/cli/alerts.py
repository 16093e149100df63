"""``mantissa alerts``: what was found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from .command import Group, Session, pass_session
from .output import (
    SEVERITY_STYLES,
    Stacked,
    cell,
    facts,
    moment,
    number,
    paragraph,
    plural,
    print_json,
    say,
    table,
    width,
)

if TYPE_CHECKING:
    from mantissa_core.alert.verdicts import Judgement
    from mantissa_core.model import Alert
    from mantissa_core.runtime import Runtime

SEVERITIES = tuple(SEVERITY_STYLES)
VERDICTS = {"true": "true_positive", "false": "false_positive", "benign": "benign"}
STATUSES = ("open", "acknowledged", "resolved", "suppressed")
SHORT_ID = 8
WIDE = 110
"""Terminal columns from which on who, from where and target have columns of their own."""


@click.group("alerts", cls=Group)
def command() -> None:
    """List, show and judge alerts, and deliver them again."""


@command.command("list")
@click.option("--rule", metavar="ID", help="Only of this rule.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only of this severity.")
@click.option("--status", type=click.Choice(STATUSES), help="Only with this status.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@pass_session
def list_alerts(session: Session, rule: str | None, severity: str | None, status: Any, limit: int) -> None:
    """List alerts, newest first."""
    from mantissa_core.model import Severity

    with session.runtime() as runtime:
        found = runtime.alerts.list(
            rule=rule, severity=Severity(severity) if severity else None, status=status, limit=limit
        )
        verdicts = runtime.verdicts.get([each.id for each in found])
    if session.json:
        print_json([{**alert_document(each), "verdict": _judged(verdicts.get(each.id))} for each in found])
    elif found:
        alert_table(found, verdicts)
        if not session.quiet:
            say(f"\n{plural(len(found), 'alert')}. Next: {session.command} alerts show {short_id(found[0])}")
    else:
        say("No alerts.")


@command.command("show")
@click.argument("alert_id", metavar="ID")
@pass_session
def show_alert(session: Session, alert_id: str) -> None:
    """Show an alert with its evidence and deliveries. The beginning of its ID is enough."""
    with session.runtime() as runtime:
        alert = _the_alert(runtime, alert_id)
        attempts, judged = runtime.outbox.attempts(alert.id), runtime.verdicts.history(alert.id)
        rule = runtime.rules.get(alert.rule_id)
    if session.json:
        verdicts = [_judged(each) for each in judged]
        print_json({**alert_document(alert), "deliveries": attempts, "verdicts": verdicts})
        return
    _show(session, alert, attempts, rule.falsepositives if rule else ())
    for each in judged:
        note = f": {each.note}" if each.note else ""
        say(f"\nVerdict: {_words(each.verdict)}, by {each.by} at {moment(each.at)} UTC{note}")


@command.command("verdict")
@click.argument("alert_id", metavar="ALERT")
@click.argument("verdict", type=click.Choice(tuple(VERDICTS)))
@click.option("--note", default="", metavar="TEXT", help="Why; kept with who and when.")
@pass_session
def judge_alert(session: Session, alert_id: str, verdict: str, note: str) -> None:
    """Say what an alert was: an attack (true), not what its rule is about (false), or that but allowed (benign).

    ALERT is the beginning of an id. The last verdict counts, the former ones are kept. 'mantissa rules precision' sums
    them up by rule.
    """
    from mantissa_core.alert.verdicts import Verdict
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        alert = _the_alert(runtime, alert_id)
        made = runtime.verdicts.record(alert, Verdict(VERDICTS[verdict]), by=this_user(), note=note)
    if session.json:
        print_json({"alert": alert.id, "rule": alert.rule_id, **(_judged(made) or {})})
    else:
        say(f"{alert.summary}: {_words(made.verdict)}.")


@command.command("redeliver")
@click.argument("destination", metavar="[SINK]", required=False)
@pass_session
def redeliver(session: Session, destination: str | None) -> None:
    """Try again what was given up, for one SINK or for all.

    A message is given up when the destination refuses it, or after four attempts; it can be had back for 14 days.
    """
    with session.runtime() as runtime:
        tried = runtime.outbox.redrive(destination)
        delivered = runtime.deliver()
    if session.json:
        print_json({"tried": tried, "delivered": delivered})
    else:
        say(f"{plural(tried, 'message')} tried again, {delivered} delivered.")


def _the_alert(runtime: Runtime, prefix: str) -> Alert:
    found = runtime.alerts.find(prefix)
    if len(found) != 1:
        raise click.UsageError(_not_one(prefix, found))
    return found[0]


def _judged(each: Judgement | None) -> dict[str, Any] | None:
    return {"verdict": str(each.verdict), "by": each.by, "at": each.at, "note": each.note} if each else None


def _words(verdict: str) -> str:
    return verdict.replace("_", " ")


def _not_one(prefix: str, found: Sequence[Alert]) -> str:
    if not found:
        return f"there is no alert {prefix}; 'mantissa alerts list' shows those there are"
    return f"{prefix} is the beginning of {len(found)} alerts: {', '.join(each.id for each in found)}"


def alert_document(alert: Alert) -> dict[str, Any]:
    """The alert as JSON."""
    from mantissa_core.alert.codec import alert_to_json

    return dict(alert_to_json(alert))


def alert_table(alerts: Iterable[Alert], verdicts: Mapping[str, Judgement] | None = None) -> None:
    """Print what, who, from where and when of each alert, in two lines where the terminal allows it.

    A verdict on it stands below the alert's name.
    """
    rows: list[tuple[object, ...]]
    spare = max(width() - WIDE, 0)
    if width() >= WIDE:
        columns = ["ID", "SEVERITY", "SEEN (UTC)", "ALERT", "WHO", "FROM", "TARGET"]
        cut = {"WHO": 20 + spare // 3, "TARGET": 16 + spare // 3}
        rows = [(short_id(each), str(each.severity), _seen(each), _named(each, verdicts), who(each), source(each),
                 target(each)) for each in alerts]  # fmt: skip
    else:
        columns = ["ID", "SEEN (UTC)", "ALERT", "WHO AND FROM WHERE"]
        cut = {"WHO AND FROM WHERE": 28}
        rows = [(Stacked((short_id(each), str(each.severity))), _seen(each), _named(each, verdicts),
                 Stacked((who(each), source(each)))) for each in alerts]  # fmt: skip
    table(columns, rows, fixed=["ID", "SEVERITY", "SEEN (UTC)", "FROM"], cut=cut, styles=SEVERITY_STYLES)


def short_id(alert: Alert) -> str:
    """As much of an alert's id as tells it from others."""
    return alert.id[:SHORT_ID]


def _named(alert: Alert, verdicts: Mapping[str, Judgement] | None) -> Stacked:
    judged = (verdicts or {}).get(alert.id)
    return Stacked((alert.rule_name, *([f"({_words(judged.verdict)})"] if judged else [])))


def _seen(alert: Alert) -> Stacked:
    return Stacked((f"{alert.first_seen:%Y-%m-%d}", f"{alert.first_seen:%H:%M:%S}"))


def who(alert: Alert) -> str:
    """The users of an alert."""
    return _few(alert.entities.get("user", ()))


def source(alert: Alert) -> str:
    """The addresses that it came from."""
    return _few(alert.entities.get("src_ip", ()))


def target(alert: Alert) -> str:
    """What it was done to."""
    return _few(alert.entities.get("target", ()))


def _few(values: Iterable[str]) -> str:
    listed = [_telling(value) for value in values]
    return ", ".join(listed[:1]) + (f" and {len(listed) - 1} more" if len(listed) > 1 else "")


def _telling(value: str) -> str:
    """The part of an ARN that tells who or what it is; other values as they are."""
    if not value.startswith("arn:"):
        return value
    kind, _, name = value.rsplit(":", 1)[-1].partition("/")
    role, _, member = name.partition("/")
    if kind == "assumed-role" and role.startswith("AWSReservedSSO_"):
        return member  # the person; the role's name is the permission set with a random end
    return name or kind


def _show(session: Session, alert: Alert, attempts: Iterable[Mapping[str, Any]], falsepositives: Iterable[str]) -> None:
    paragraph(f"{alert.severity.value.upper()}  {alert.summary}")
    say()
    facts(
        [
            ("id", alert.id),
            ("status", alert.status),
            ("signals", number(alert.count)),
            ("first seen", f"{moment(alert.first_seen)} UTC"),
            ("last seen", f"{moment(alert.last_seen)} UTC"),
            *((name, ", ".join(values)) for name, values in alert.entities.items()),
            ("tags", alert.tags),
            ("rule", alert.rule_id),
            ("about", alert.description),
            ("harmless when", "; ".join(falsepositives)),
        ]
    )
    say("\nEVIDENCE")
    show_evidence(alert)
    for attempt in attempts:
        at = moment(datetime.fromisoformat(attempt["timestamp"]))
        say(f"\nDelivery to {attempt['integration_id']}: {attempt['status']}, {at} UTC")
    if alert.event_ids:
        ids = ", ".join(f"'{each}'" for each in alert.event_ids[:5])
        say(f'\nThe events: {session.command} query "SELECT * FROM {alert.table} WHERE m_id IN ({ids})"')


def show_evidence(alert: Alert, limit: int | None = None) -> None:
    """Print the telling fields of an alert's events."""
    shown = alert.evidence[:limit]
    for index, event in enumerate(shown, start=1):
        if len(alert.evidence) > 1:
            say(f"  event {index} of {len(alert.evidence)}")
        facts(((name, _brief(value)) for name, value in event.items()), indent=2)


def _brief(value: object) -> str:
    text = cell(value) if not isinstance(value, Mapping) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 500 else f"{text[:499]}…"
