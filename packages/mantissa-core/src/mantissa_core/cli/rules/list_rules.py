"""``mantissa rules list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import SEVERITY_STYLES, plural, print_json, say, table, width
from mantissa_core.cli.schedules import schedule_documents

from .chosen import logsource, rule_document

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.failing import Failing
    from mantissa_core.detect.rules import Rule, RuleSet
    from mantissa_core.detect.sql_rules import SqlRule

SHORT_ID = 8
WIDE = 110
"""Terminal columns from which on ids are printed whole."""

SEVERITIES = tuple(SEVERITY_STYLES)


@click.command("list", cls=Command)
@click.argument("words", nargs=-1)
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only of this severity.")
@click.option("--broken", is_flag=True, help="Only those that did not load, with the reason.")
@pass_session
@click.pass_context
def list_rules(
    ctx: click.Context, session: Session, words: tuple[str, ...], severity: str | None, broken: bool
) -> None:
    """List the rules that run.

    With WORDS those whose title, tags or log source contain all of them.

    With --broken the exit code is 1 where a rule did not load.
    """
    with session.runtime() as runtime:
        rules, schedules = runtime.rules, schedule_documents(runtime)
        failing = {each.rule: each for each in runtime.failing.all()}
    if broken:
        _show_broken(session, rules)
        ctx.exit(Exit.FINDINGS if rules.broken else Exit.OK)
    found = [each for each in rules.all if _fits(each, words, severity)]
    if session.json:
        print_json(
            [
                {**rule_document(each), "schedule": schedules.get(each.id), "failing": failing.get(each.id)}
                for each in found
            ]
        )
        return
    length = None if width() >= WIDE else SHORT_ID
    rows = [(each.id[:length], str(each.severity), each.title, logsource(each)) for each in found]
    table(
        ["ID", "SEVERITY", "TITLE", "LOG SOURCE"], rows, fixed=["ID", "SEVERITY", "LOG SOURCE"], styles=SEVERITY_STYLES
    )
    _show_failing(failing)
    if not session.quiet:
        more = f", {len(rules.broken)} did not load (--broken)" if rules.broken else ""
        say(f"\n{plural(len(found), 'rule')}{more}")


def _show_failing(failing: dict[str, Failing]) -> None:
    for each in failing.values():
        say(f"\nFAILING {each.title}: {each.failures} times since {each.since[:16].replace('T', ' ')}: {each.error}")


def _fits(rule: Rule | Correlation | SqlRule, words: tuple[str, ...], severity: str | None) -> bool:
    text = " ".join((rule.title, logsource(rule), *rule.tags)).lower()
    return severity in (None, str(rule.severity)) and all(word.lower() in text for word in words)


def _show_broken(session: Session, rules: RuleSet) -> None:
    if session.json:
        print_json([{"file": file, "reason": str(error)} for file, error in rules.broken.items()])
    elif rules.broken:
        for error in rules.broken.values():
            say(str(error))
    else:
        say("Every rule loaded.")
