"""``mantissa rules explain``."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import print_json, say

from .chosen import chosen_rules, one_document, sigma_only
from .explain_correlation import explain_correlation, signals_in, stored_signals
from .span import span_of, span_options

if TYPE_CHECKING:
    from mantissa_core.detect.match.trace import Step
    from mantissa_core.detect.rules.rule import Rule
    from mantissa_core.model import LogType
    from mantissa_core.parse.log_types import LogTypes

LONGEST = 200
"""Characters of what the event has that are shown; --json has all."""


@click.command("explain", cls=Command)
@click.argument("rule", metavar="RULE")
@click.option("--event", "path", metavar="FILE", help="A JSON object, as the vendor sends it; '-' is standard input.")
@click.option("--id", "event_id", metavar="ID", help="Instead: the m_id of a stored event.")
@span_options("24h")
@pass_session
@click.pass_context
def explain_rule(
    ctx: click.Context,
    session: Session,
    rule: str,
    path: str | None,
    event_id: str | None,
    last: timedelta,
    until: datetime | None,
) -> None:
    """Say why a rule matches an event, or does not.

    RULE is a rule file or the beginning of an id. Prints the rule's tree: what held, what did not, on which value.
    Of a correlation: how near each group came, over the stored events of --last, or those of the file (one object a
    line, or a list). Exit code 1 where the rule does not match.
    """
    from mantissa_core.detect.correlate.correlation import Correlation

    rules, log_types = chosen_rules(session, (rule,))
    sigma_only(rules, "its result is no single event")
    loud = [each for each in rules.sigma if not each.silent]
    chosen = loud[0] if len(loud) == 1 else one_document(rules.sigma, rule)
    if isinstance(chosen, Correlation):
        if event_id is not None:
            raise click.UsageError("a correlation is about several events: --event FILE or --last LENGTH")
        plain, _ = rules.below(chosen)
        if path is None:
            signals = stored_signals(session, plain, log_types, span_of(last, until))
        else:
            signals = list(signals_in(_read_all(path), plain, log_types))
        ctx.exit(Exit.OK if explain_correlation(session, chosen, rules, signals) else Exit.FINDINGS)
    matched = _explain_event(session, chosen, log_types, path, event_id)
    ctx.exit(Exit.OK if matched else Exit.FINDINGS)


def _explain_event(session: Session, chosen: Rule, log_types: LogTypes, path: str | None, event_id: str | None) -> bool:
    """Print the rule's tree for one event; whether it matches."""
    from mantissa_core.detect.match.route import log_types_of
    from mantissa_core.detect.match.trace import trace

    if (path is None) == (event_id is None):
        raise click.UsageError("name an event: either --event FILE or --id ID")
    asked: list[LogType | None] = [*log_types_of(chosen, log_types)]
    if event_id is None:
        event = _read(str(path))
    else:
        event, stored_as = _stored(session, event_id, [each for each in asked if each is not None])
        asked = [stored_as]
    steps = {each.name if each else "": trace(chosen, event, each) for each in asked or [None]}
    today = datetime.now(UTC).date()
    filters = {
        each.name if each else "": {one.id: trace(one, event, each) for one in chosen.filters if one.applies(today)}
        for each in asked or [None]
    }
    if session.json:
        print_json({"rule": chosen.id, "matched": _matched(steps), "log_types": steps, "filters": filters})
    else:
        for name, step in steps.items():
            say(f"{chosen.title}: {'matches' if step.held else 'does not match'} ({name or 'no log type installed'})")
            _show(step, 1)
            if step.held:
                _show_filters(chosen, filters[name])
    return _matched(steps)


def _show_filters(rule: Rule, filters: dict[str, Step]) -> None:
    """Every filter's tree: the match is suppressed where one does not hold."""
    for each in rule.filters:
        if (step := filters.get(each.id)) is not None:
            until = f", until {each.expires}" if each.expires else ""
            done = "lets it pass" if step.held else f"suppresses it ({each.owner or 'nobody'}: {each.reason}{until})"
            say(f"Filter {each.title!r} {done}")
            _show(step, 1)


def _matched(steps: dict[str, Step]) -> bool:
    return any(step.held for step in steps.values())


def _text(path: str) -> str:
    return sys.stdin.read() if path == "-" else Path(path).read_text("utf-8-sig")


def _read_all(path: str) -> list[Any]:
    """The events of a file: one object a line, or a list of them."""
    text = _text(path)
    try:
        whole = text.lstrip().startswith("[")
        events = json.loads(text) if whole else [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise click.BadParameter(
            f"{path}: no JSON, one object a line or a list ({error})", param_hint="--event"
        ) from None
    if not all(isinstance(each, dict) for each in events):
        raise click.BadParameter(f"{path}: expected objects", param_hint="--event")
    return list(events)


def _read(path: str) -> dict[str, Any]:
    text = _text(path)
    try:
        event = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{path}: no JSON ({error})", param_hint="--event") from None
    if not isinstance(event, dict):
        raise click.BadParameter(f"{path}: found a {type(event).__name__}, expected one object", param_hint="--event")
    return event


def _stored(session: Session, event_id: str, log_types: list[LogType]) -> tuple[dict[str, Any], LogType]:
    from mantissa_core.detect.follow.history import stored_event

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
