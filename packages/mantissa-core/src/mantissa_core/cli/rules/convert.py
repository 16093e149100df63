"""``mantissa rules convert``: rules as SQL for an engine that reads the lake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import print_json_lines, say
from mantissa_core.errors import RuleError

from .chosen import chosen_rules, sigma_only

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.rules.rule import Rule
    from mantissa_core.detect.rules.rule_set import RuleSet
    from mantissa_core.detect.sql.dialect import Dialect
    from mantissa_core.model import LogType
    from mantissa_core.parse.log_types import LogTypes


class _Engine(click.ParamType[str]):
    """The name of an installed dialect."""

    name = "engine"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """The names, as a choice has them."""
        return f"[{'|'.join(_installed())}]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what is not installed."""
        if value not in (known := _installed()):
            self.fail(f"{value!r} is not installed; installed are {', '.join(known)}", param, ctx)
        return value


def _installed() -> tuple[str, ...]:
    from mantissa_core.detect.sql import dialect_names

    return dialect_names()


@click.command("convert", cls=Command)
@click.argument("which", nargs=-1, metavar="[RULE]...")
@click.option("--to", "engine", type=_Engine(), required=True, help="The engine that shall run the SQL.")
@pass_session
@click.pass_context
def convert_rules(ctx: click.Context, session: Session, which: tuple[str, ...], engine: str) -> None:
    """Print rules as SQL, one SELECT for each rule and table.

    RULE is the path of a rule file or a folder of them, or the beginning of an id; without one, every rule of the
    instance is converted. Filters that apply today are part of the condition. Of a correlation its rules are converted;
    the correlator counts what they find, in no engine. Exit code 1 where a rule did not load or the engine cannot
    express it exactly.
    """
    from mantissa_core.detect.sql import dialect_named

    rules, log_types = chosen_rules(session, which)
    sigma_only(rules, "it is SQL already")
    found = [*_converted(rules, log_types, dialect_named(engine), pretty=not session.json)]
    if session.json:
        print_json_lines(found)
    else:
        for each in found:
            _show(each)
    failed = any("reason" in part for each in found for part in (each, *each["statements"]))
    ctx.exit(Exit.FINDINGS if failed else Exit.OK)


def _converted(rules: RuleSet, log_types: LogTypes, target: Dialect, *, pretty: bool) -> Iterator[dict[str, Any]]:
    """One document for each rule, correlation and file that did not load."""
    from mantissa_core.detect.match.route import log_types_of
    from mantissa_core.detect.rules.filters import narrowed

    today = datetime.now(UTC).date()
    for rule in rules.rules:
        tables: list[LogType | None] = [*log_types_of(rule, log_types)]
        statements = [_statement(narrowed(rule, today), target, log_type, pretty) for log_type in tables or [None]]
        yield {"id": rule.id, "title": rule.title, "source": rule.source, "statements": statements}
    yield from map(_counted, rules.correlations)
    for file, error in rules.broken.items():
        yield {"id": None, "title": None, "source": file, "statements": [], "reason": str(error)}


def _statement(rule: Rule, target: Dialect, log_type: LogType | None, pretty: bool) -> dict[str, str]:
    from mantissa_core.detect.sql.statement import statement, table_of

    table = table_of(rule.logsource, log_type)
    try:
        return {"table": table, "sql": statement(rule, target, log_type, pretty=pretty)}
    except RuleError as error:
        return {"table": table, "reason": str(error)}


def _counted(correlation: Correlation) -> dict[str, Any]:
    """A correlation has no statement: what it makes of its rules' matches, in words."""
    from mantissa_core.detect.correlate.standing import needed, span_text

    by = f" by {', '.join(correlation.group_by)}" if correlation.group_by else ""
    asked = f"{needed(correlation)} within {span_text(correlation.timespan)}{by}"
    return {
        "id": correlation.id,
        "title": correlation.title,
        "source": correlation.source,
        "statements": [],
        "rules": list(correlation.ids.values()),
        "correlator": f"{correlation.kind} of the matches of {', '.join(correlation.ids.values())}: {asked}",
    }


def _show(each: dict[str, Any]) -> None:
    """Statements under a comment; a line break in a title must not end the comment."""
    heading = " ".join(str(each["title"] or each["source"]).split())
    heading = f"-- {heading} ({each['id']})" if each["id"] else f"-- {heading}"
    for part in each["statements"] or [each]:
        say(heading)
        say(_text(part))
        say()


def _text(part: dict[str, Any]) -> str:
    if "sql" in part:
        return f"{part['sql']};"
    told = f"evaluated by the correlator: {part['correlator']}" if "correlator" in part else None
    return f"-- {' '.join((told or 'not converted: ' + part['reason']).split())}"
