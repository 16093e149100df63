"""``mantissa sources list``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import moment, number, print_json, say, table

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime
    from mantissa_core.watch import Health

STYLES = {"ok": "green", "stopped": "bold red", "failing": "bold red", "broken": "bold red", "disabled": "dim"}


@dataclass(frozen=True, slots=True)
class Source:
    """One configured source. ``state`` is ``ok``, ``new``, ``disabled``, ``broken`` or its most urgent problem."""

    label: str
    plugin: str
    kind: str
    log_types: list[str]
    state: str
    detail: str
    rows: int
    last_read: datetime | None
    last_event: datetime | None


@click.command("list", cls=Command)
@pass_session
def list_sources(session: Session) -> None:
    """List the configured sources: plugin, log types, state, events stored.

    The sources are not asked; 'sources test' does that.
    """
    from mantissa_core.watch import health

    with session.runtime() as runtime:
        known = health(runtime)
        found = list(_sources(runtime, known))
    if session.json:
        print_json(found)
        return
    if not found:
        say("No source is configured: add [collectors.<label>] to mantissa.toml.")
        return
    rows = [
        (each.label, each.plugin, each.log_types, each.state, number(each.rows), moment(each.last_read))
        for each in found
    ]
    table(
        ["LABEL", "PLUGIN", "LOG TYPES", "STATE", "EVENTS", "LAST READ"],
        rows,
        right=["EVENTS"],
        fixed=["LABEL", "STATE", "LAST READ"],
        styles=STYLES,
    )
    for each in found:
        if each.detail:
            say(f"\n{each.label}: {each.detail}")


def _sources(runtime: Runtime, known: Health) -> Iterator[Source]:
    from mantissa_core.hookspecs import Collector, Receiver

    for kind, name, sections in (
        (Collector, "collector", runtime.settings.collectors),
        (Receiver, "receiver", runtime.settings.receivers),
    ):
        runtime.plugins(kind)  # starts them
        for label, section in sections.items():
            reports = [each for each in known.reports if each.label == label]
            state, detail = _state(runtime, kind, label, known) if section.enabled else ("disabled", "")
            read = [each.attempt.last_success or each.figures.last_read for each in reports]
            data = [each.figures.last_data for each in reports]
            yield Source(
                label,
                section.plugin,
                name,
                sorted({each.log_type for each in reports if each.log_type} or _configured(section.settings)),
                state,
                detail,
                sum(each.figures.rows for each in reports),
                max(filter(None, read), default=None),
                max(filter(None, data), default=None),
            )


def _configured(settings: dict[str, object]) -> set[str]:
    """The log type that a generic collector is told by its settings."""
    name = settings.get("log_type")
    return {name} if isinstance(name, str) else set()


def _state(runtime: Runtime, kind: type, label: str, known: Health) -> tuple[str, str]:
    key = f"{kind.group.removeprefix('mantissa.')}/{label}"  # type: ignore[attr-defined]  # every kind has a group
    if key in runtime.host.quarantine:
        return "broken", str(runtime.host.quarantine[key].reason)
    problems = [each for each in known.findings if each.label == label]
    if problems:
        worst = max(problems, key=lambda each: each.severity.rank)
        return worst.problem, worst.detail
    return ("ok" if any(each.label == label for each in known.reports) else "new"), ""
