"""``mantissa routes list``: the routes, and what else decides who is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import Stacked, moment, print_json, say, table

if TYPE_CHECKING:
    from mantissa_core.alert.routing.conditions import Condition
    from mantissa_core.alert.routing.rules import Problem
    from mantissa_core.model import Severity
    from mantissa_core.runtime import Runtime

STYLES = {"ok": "green", "degraded": "bold red", "open": "bold yellow"}
EVERYTHING = "every alert"


@click.command("list", cls=Command)
@pass_session
def list_routes(session: Session) -> None:
    """List the routes in their order: which alerts, to which sinks, who is told next, whether it works.

    Below them stand the escalation chains, the maintenance windows and the environments.
    """
    with session.runtime(log_level="error") as runtime:  # what the log would say, the table says
        document = _document(runtime, datetime.now(UTC))
    if session.json:
        print_json(document)
    else:
        _show(document)


def _document(runtime: Runtime, now: datetime) -> dict[str, Any]:
    rules, listed = runtime.routing_rules, runtime.routing_problems()
    return {
        "routes": [
            {
                "route": each.label,
                "when": _texts(each.conditions),
                "rest": each.rest,
                "to": each.to,
                "escalation": each.escalation,
                "problems": _of(listed, f"routes.{each.label}"),
            }
            for each in rules.routes
        ],
        "unrouted": [
            {"sink": label, "when": _severities(each.severity_filter)}
            for label, each in runtime.settings.sinks.items()
            if each.enabled and label not in rules.named
        ],
        "escalations": [
            {
                "chain": label,
                "steps": [{"after": each.after.total_seconds(), "to": each.to} for each in steps],
                "problems": _of(listed, f"escalations.{label}"),
            }
            for label, steps in rules.chains.items()
        ],
        "maintenance": [
            {
                "window": each.label,
                "when": _texts(each.conditions),
                "open_until": each.span.until(now),
                "opens": each.span.following(now),
            }
            for each in rules.windows
        ],
        "environments": [
            {"environment": name, "when": _texts(each)} for name, each in rules.environments.conditions.items()
        ],
        "problems": [{"place": each.place, "detail": each.detail} for each in listed],
    }


def _texts(conditions: Iterable[Condition]) -> list[str]:
    return [each.text for each in conditions]


def _severities(severities: Iterable[Severity]) -> list[str]:
    from mantissa_core.model import Severity

    found = set(severities)
    if not found:
        return ["nothing but steps of escalation"]
    return [] if found == set(Severity) else [f"severities {', '.join(each for each in Severity if each in found)}"]


def _of(problems: Iterable[Problem], place: str) -> list[str]:
    return [each.detail for each in problems if each.place == place]


def _show(document: dict[str, Any]) -> None:
    rows = [
        (each["route"], _when(each), Stacked(each["to"]), each["escalation"], _state(each))
        for each in document["routes"]
    ]
    rows += [("(no route)", _words(each["when"]), each["sink"], None, "ok") for each in document["unrouted"]]
    if not rows:
        say("Alerts go nowhere: add [sinks.<label>] to mantissa.toml.")
    else:
        table(["ROUTE", "WHEN", "TO", "ESCALATION", "STATE"], rows, fixed=["ROUTE", "STATE"], styles=STYLES)
    _show_rest(document)
    for each in document["problems"]:
        say(f"\n{each['place']}: {each['detail']}")


def _show_rest(document: dict[str, Any]) -> None:
    from mantissa_core.cli.output import duration

    steps = [
        (chain["chain"], number, duration(step["after"]), ", ".join(step["to"]), _state(chain))
        for chain in document["escalations"]
        for number, step in enumerate(chain["steps"], start=1)
    ]
    windows = [(each["window"], _words(each["when"]), _open(each)) for each in document["maintenance"]]
    environments = [(each["environment"], _words(each["when"])) for each in document["environments"]]
    for columns, rows in (
        (["ESCALATION", "STEP", "AFTER", "TO", "STATE"], steps),
        (["MAINTENANCE", "WHEN", "OPEN (UTC)"], windows),
        (["ENVIRONMENT", "WHEN"], environments),
    ):
        if rows:
            say()
            table(columns, rows, fixed=[each for each in columns if each not in ("WHEN", "TO")], styles=STYLES)


def _state(each: dict[str, Any]) -> str:
    return "degraded" if each["problems"] else "ok"


def _when(route: dict[str, Any]) -> Stacked | str:
    if not route["rest"]:
        return _words(route["when"])
    return Stacked(("what no other route took", *route["when"]))


def _words(conditions: Sequence[str]) -> Stacked | str:
    return Stacked(conditions) if conditions else EVERYTHING


def _open(window: dict[str, Any]) -> str:
    if window["open_until"]:
        return f"until {moment(window['open_until'])}"
    return f"from {moment(window['opens'])}" if window["opens"] else "over"
