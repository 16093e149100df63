"""Alerts for people: the table, the details, the evidence. And which one an argument means."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Session
from mantissa_core.cli.output import (
    SEVERITY_STYLES,
    Stacked,
    cell,
    facts,
    moment,
    paragraph,
    say,
    table,
    width,
)

from .context import show_context

if TYPE_CHECKING:
    from mantissa_core.alert.related import Related
    from mantissa_core.alert.verdicts import Judgement
    from mantissa_core.model import Alert
    from mantissa_core.runtime import Runtime

SHORT_ID = 8
WIDE = 110
"""Terminal columns from which on who, from where and target have columns of their own."""


def the_alert(runtime: Runtime, prefix: str) -> Alert:
    """The alert whose id begins like this."""
    found = runtime.alerts.find(prefix)
    if len(found) != 1:
        raise click.UsageError(_not_one(prefix, found))
    return found[0]


def judged(each: Judgement | None) -> dict[str, Any] | None:
    """A verdict as JSON."""
    return {"verdict": str(each.verdict), "by": each.by, "at": each.at, "note": each.note} if each else None


def in_words(verdict: str) -> str:
    """A verdict for people."""
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
    made = (verdicts or {}).get(alert.id)
    notes = [str(alert.status)] if alert.status != "open" else []
    notes += ["muted"] if alert.muted_by else []
    notes += [in_words(made.verdict)] if made else []
    return Stacked((alert.rule_name, *([f"({', '.join(notes)})"] if notes else [])))


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


def show_details(
    session: Session,
    alert: Alert,
    attempts: Iterable[Mapping[str, Any]],
    falsepositives: Iterable[str],
    related: Iterable[Related],
) -> None:
    """Print all about an alert but its verdicts."""
    from mantissa_core.alert.story import story

    paragraph(f"{alert.severity.value.upper()}  {alert.summary}")
    say()
    facts(story(alert).lines())
    say()
    facts(
        [
            ("id", alert.id),
            ("status", _status(alert)),
            ("muted by", alert.muted_by and f"maintenance window {alert.muted_by}: nobody was told"),
            ("rule", alert.rule_id),
            ("tags", alert.tags),
            ("harmless when", "; ".join(falsepositives)),
            ("redacted", ", ".join(f"{count} {kind}" for kind, count in alert.redacted.items())),
        ]
    )
    show_context(alert)
    say("\nEVIDENCE")
    show_evidence(alert)
    _show_related(related)
    for attempt in attempts:
        at = moment(datetime.fromisoformat(attempt["timestamp"]))
        say(f"\nDelivery to {attempt['integration_id']}: {attempt['status']}, {at} UTC")
    if alert.event_ids:
        ids = ", ".join(f"'{each}'" for each in alert.event_ids[:5])
        say(f'\nThe events: {session.command} query "SELECT * FROM {alert.table} WHERE m_id IN ({ids})"')


def _status(alert: Alert) -> str:
    if alert.changed is None:
        return alert.status
    return f"{alert.status}, by {alert.changed_by} at {moment(alert.changed)} UTC"


def _show_related(related: Iterable[Related]) -> None:
    rows = [
        (
            short_id(each.alert),
            str(each.alert.severity),
            each.alert.rule_name,
            ", ".join(_telling(value) for _, value in each.shares),
        )
        for each in related
    ]
    if rows:
        say("\nRELATED")
        table(["ID", "SEVERITY", "ALERT", "SHARES"], rows, fixed=["ID", "SEVERITY"], styles=SEVERITY_STYLES)


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
