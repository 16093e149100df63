"""``mantissa sinks list``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import moment, print_json, say, table

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime

STYLES = {"healthy": "green", "degraded": "yellow", "unhealthy": "bold red", "broken": "bold red", "disabled": "dim"}
_LOOKED_AT = 200
"""Alerts, newest first, whose deliveries are looked through for the last one."""


@dataclass(frozen=True, slots=True)
class Sink:
    """One destination. ``state`` is ``disabled``, ``broken``, or its health over the last 24 hours."""

    label: str
    plugin: str
    severities: list[str]
    enabled: bool
    state: str
    detail: str
    waiting: int
    given_up: int
    last_delivery: datetime | None


@click.command("list", cls=Command)
@pass_session
def list_sinks(session: Session) -> None:
    """List the destinations: severities, health over 24 hours, messages that wait and that were given up.

    They are not asked; 'sinks test' does that.
    """
    with session.runtime() as runtime:
        found = list(_sinks(runtime))
    if session.json:
        print_json(found)
        return
    if not found:
        say(f"No destination is configured: '{session.command} sinks add TYPE' sets one up.")
        return
    rows = [
        (
            each.label,
            each.plugin,
            _severities(each),
            each.state,
            each.waiting,
            each.given_up,
            moment(each.last_delivery),
        )
        for each in found
    ]
    table(
        ["LABEL", "PLUGIN", "SEVERITIES", "STATE", "WAITING", "GIVEN UP", "LAST DELIVERY"],
        rows,
        right=["WAITING", "GIVEN UP"],
        fixed=["LABEL", "PLUGIN", "STATE", "LAST DELIVERY"],
        styles=STYLES,
    )
    for each in found:
        if each.detail:
            say(f"\n{each.label}: {each.detail}")


def _sinks(runtime: Runtime) -> Iterator[Sink]:
    from mantissa_core.hookspecs import AlertSink

    runtime.plugins(AlertSink)  # starts them
    waiting = Counter(each.destination for each in runtime.outbox.waiting())
    dead = Counter(each.destination for each in runtime.outbox.dead())
    last = _last_deliveries(runtime)
    for label, section in runtime.settings.sinks.items():
        broken = runtime.host.quarantine.get(f"alert_sinks/{label}")
        health = runtime.outbox.health(label).grade
        yield Sink(
            label,
            section.plugin,
            [each.value for each in section.severity_filter],
            section.enabled,
            "disabled" if not section.enabled else "broken" if broken else health,
            broken.reason if broken else "",
            waiting[label],
            dead[label],
            last.get(label),
        )


def _last_deliveries(runtime: Runtime) -> dict[str, datetime]:
    last: dict[str, datetime] = {}
    for alert in runtime.alerts.list(limit=_LOOKED_AT):
        for attempt in runtime.outbox.attempts(alert.id):
            at = datetime.fromisoformat(attempt["timestamp"])
            if attempt["status"] == "delivered":
                label = attempt["integration_id"]
                last[label] = max(at, last.get(label, at))
    return last


def _severities(sink: Sink) -> str:
    from mantissa_core.model import Severity

    return "all" if set(sink.severities) == set(Severity) else ", ".join(sink.severities)
