"""``mantissa rules explain``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import print_json, say

from .chosen import chosen_rules, one_rule, sigma_only

if TYPE_CHECKING:
    from mantissa_core.detect.trace import Step
    from mantissa_core.model import LogType

LONGEST = 200
"""Characters of what the event has that are shown; --json has all."""


@click.command("explain", cls=Command)
@click.argument("rule", metavar="RULE")
@click.option("--event", "path", metavar="FILE", help="A JSON object, as the vendor sends it; '-' is standard input.")
@click.option("--id", "event_id", metavar="ID", help="Instead: the m_id of a stored event.")
@pass_session
@click.pass_context
def explain_rule(ctx: click.Context, session: Session, rule: str, path: str | None, event_id: str | None) -> None:
    """Say why a rule matches an event, or does not.

    RULE is a rule file or the beginning of an id. Prints the rule's tree: what held, what did not, on which value.
    Exit code 1 where the rule does not match.
    """
    from mantissa_core.detect.route import log_types_of
    from mantissa_core.detect.trace import trace

    if (path is None) == (event_id is None):
        raise click.UsageError("name an event: either --event FILE or --id ID")
    rules, log_types = chosen_rules(session, (rule,))
    sigma_only(rules, "its result is no single event")
    chosen = rules.rules[0] if len(rules.rules) == 1 else one_rule(rules, rule)
    asked: list[LogType | None] = [*log_types_of(chosen, log_types)]
    if event_id is None:
        event = _read(str(path))
    else:
        event, stored_as = _stored(session, event_id, [each for each in asked if each is not None])
        asked = [stored_as]
    steps = {each.name if each else "": trace(chosen, event, each) for each in asked or [None]}
    if session.json:
        print_json({"rule": chosen.id, "matched": _matched(steps), "log_types": steps})
    else:
        for name, step in steps.items():
            say(f"{chosen.title}: {'matches' if step.held else 'does not match'} ({name or 'no log type installed'})")
            _show(step, 1)
    ctx.exit(Exit.OK if _matched(steps) else Exit.FINDINGS)


def _matched(steps: dict[str, Step]) -> bool:
    return any(step.held for step in steps.values())


def _read(path: str) -> dict[str, Any]:
    text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8-sig")
    try:
        event = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{path}: no JSON ({error})", param_hint="--event") from None
    if not isinstance(event, dict):
        raise click.BadParameter(f"{path}: found a {type(event).__name__}, expected one object", param_hint="--event")
    return event


def _stored(session: Session, event_id: str, log_types: list[LogType]) -> tuple[dict[str, Any], LogType]:
    from mantissa_core.detect.history import stored_event

    with session.runtime() as runtime:
        for log_type in log_types:
            if (event := stored_event(runtime.lake, log_type, event_id)) is not None:
                return event, log_type
    names = ", ".join(each.table for each in log_types) or "no table: its log source is not installed"
    raise click.BadParameter(f"no event {event_id} in {names}, which the rule reads", param_hint="--id")


def _show(step: Step, depth: int) -> None:
    mark = "✓" if step.held else "✗"
    say(f"{'  ' * depth}{mark} {step.text or step.kind}{_seen(step)}")
    for child in step.children:
        _show(child, depth + 1)


def _seen(step: Step) -> str:
    if step.kind != "predicate" or step.text.startswith("any text"):
        return ""
    which = f", which fits {_cut(' | '.join(step.passed))}" if step.passed and " | " in step.text else ""
    others = "".join(f", {name} is {_values(values)}" for name, values in step.compared.items())
    note = "; the log type does not know this field" if step.unknown else ""
    return f": the event has {_values(step.values)}{which}{others}{note}"


def _values(values: tuple[str, ...]) -> str:
    return _cut(", ".join(values)) if values else "nothing"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
