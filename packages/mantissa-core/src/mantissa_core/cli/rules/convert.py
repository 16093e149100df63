"""``mantissa rules convert``: rules as SQL for an engine that reads the lake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import print_json, say
from mantissa_core.detect.sql import NAMES
from mantissa_core.errors import RuleError

from .chosen import chosen_rules, sigma_only

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.rules import Rule
    from mantissa_core.model import LogType
    from mantissa_core.parse.log_types import LogTypes


@click.command("convert", cls=Command)
@click.argument("which", nargs=-1, metavar="[RULE]...")
@click.option("--to", "engine", type=click.Choice(NAMES), required=True, help="The engine that shall run the SQL.")
@pass_session
@click.pass_context
def convert_rules(ctx: click.Context, session: Session, which: tuple[str, ...], engine: str) -> None:
    """Print rules as SQL, one SELECT for each rule and table.

    RULE is the path of a rule file or a folder of them, or the beginning of an id; without one, every rule of the
    instance is converted. Filters that apply today are part of the condition. Of a correlation its rules are converted;
    the correlator counts what they find, in no engine. Exit code 1 where a rule did not load or the engine cannot
    express it exactly.
    """
    rules, log_types = chosen_rules(session, which)
    sigma_only(rules, "it is SQL already")
    found = [*_converted(rules.rules, log_types, engine), *map(_counted, rules.correlations)]
    broken = [{"id": None, "title": None, "source": file, "reason": str(e)} for file, e in rules.broken.items()]
    if session.json:
        print_json([*found, *broken])
    else:
        for each in [*found, *broken]:
            _show(each)
    ctx.exit(Exit.FINDINGS if any("reason" in each for each in [*found, *broken]) else Exit.OK)


def _converted(rules: Sequence[Rule], log_types: LogTypes, engine: str) -> Iterator[dict[str, Any]]:
    from mantissa_core.detect.filters import narrowed
    from mantissa_core.detect.route import log_types_of
    from mantissa_core.detect.sql import dialect_named
    from mantissa_core.detect.sql.statement import statement

    target, today = dialect_named(engine), datetime.now(UTC).date()
    for rule in rules:
        bound: list[LogType | None] = [*log_types_of(rule, log_types)]
        for log_type in bound or [None]:
            about: dict[str, Any] = {"id": rule.id, "title": rule.title, "source": rule.source}
            try:
                yield {**about, "sql": statement(narrowed(rule, today), target, log_type)}
            except RuleError as error:
                yield {**about, "reason": str(error)}


def _counted(correlation: Correlation) -> dict[str, Any]:
    """A correlation has no statement: what it makes of its rules' matches, in words."""
    from mantissa_core.detect.correlate.standing import needed, span_text

    by = f" by {', '.join(correlation.group_by)}" if correlation.group_by else ""
    asked = f"{needed(correlation)} within {span_text(correlation.timespan)}{by}"
    return {
        "id": correlation.id,
        "title": correlation.title,
        "source": correlation.source,
        "rules": list(correlation.ids.values()),
        "correlator": f"{correlation.kind} of the matches of {', '.join(correlation.ids.values())}: {asked}",
    }


def _show(each: dict[str, Any]) -> None:
    """One statement under a comment; a line break in a title must not end the comment."""
    heading = " ".join(str(each["title"] or each["source"]).split())
    say(f"-- {heading} ({each['id']})" if each["id"] else f"-- {heading}")
    if "correlator" in each:
        say(f"-- evaluated by the correlator: {' '.join(each['correlator'].split())}")
    else:
        say(f"-- not converted: {' '.join(each['reason'].split())}" if "reason" in each else f"{each['sql']};")
    say()
