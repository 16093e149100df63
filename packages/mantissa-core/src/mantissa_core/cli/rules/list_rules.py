"""``mantissa rules list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import SEVERITY_STYLES, Stacked, plural, print_json, say, table, width
from mantissa_core.cli.schedules import schedule_documents
from mantissa_core.detect.rules.attributes import Stage

from .chosen import logsource, rule_document
from .stage import stage_document

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.follow.failing import Failing
    from mantissa_core.detect.rules.rule import Rule
    from mantissa_core.detect.rules.rule_set import RuleSet
    from mantissa_core.detect.rules.stages import Placed
    from mantissa_core.detect.sql_rules import SqlRule

SHORT_ID = 8
WIDE = 110
"""Terminal columns from which on ids are printed whole."""

SEVERITIES = tuple(SEVERITY_STYLES)
PARTS = ("product", "service", "category")


def _source(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        part, equals, name = value.partition("=")
        if part not in PARTS or not equals or not name:
            raise click.BadParameter(f"found {value!r}, expected product=NAME, service=NAME or category=NAME")
        found[part] = name
    return found


@click.command("list", cls=Command)
@click.argument("words", nargs=-1)
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only of this severity.")
@click.option("--tag", metavar="TAG", help="Only with this tag, or one below it: attack.t1098.")
@click.option(
    "--logsource",
    "sources",
    callback=_source,
    multiple=True,
    metavar="PART=NAME",
    help="Only for this product, service or category; repeat it: product=aws.",
)
@click.option(
    "--stage",
    type=click.Choice([str(each) for each in Stage]),
    help="Only those that alert (active) or are on trial (shadow).",
)
@click.option("--broken", is_flag=True, help="Only those that did not load, with the reason.")
@pass_session
@click.pass_context
def list_rules(
    ctx: click.Context,
    session: Session,
    words: tuple[str, ...],
    severity: str | None,
    tag: str | None,
    sources: dict[str, str],
    stage: str | None,
    broken: bool,
) -> None:
    """List the rules that run.

    With WORDS those whose title, tags or log source contain all of them.

    With --broken the exit code is 1 where a rule did not load.
    """
    from mantissa_core.detect.rules.find import reads, tagged
    from mantissa_core.detect.rules.stages import Placed

    with session.runtime() as runtime:
        rules, commanded, schedules = runtime.rules, runtime.stages.commanded(), schedule_documents(runtime)
        failing = {each.rule: each for each in runtime.failing.all()}
    if broken:
        _show_broken(session, rules)
        ctx.exit(Exit.FINDINGS if rules.broken else Exit.OK)
    placed = {each.id: commanded.get(each.id, Placed(each.stage)) for each in rules.all}
    found = [
        each
        for each in rules.all
        if _fits(each, words, severity) and tagged(each, tag) and reads(each, sources)
        and stage in (None, str(placed[each.id].stage))
    ]  # fmt: skip
    if session.json:
        print_json(
            [
                {
                    **rule_document(each),
                    **stage_document(placed[each.id]),
                    "schedule": schedules.get(each.id),
                    "failing": failing.get(each.id),
                }
                for each in found
            ]
        )
        return
    length = None if width() >= WIDE else SHORT_ID
    rows = [(each.id[:length], _severity(each, placed[each.id]), each.title, logsource(each)) for each in found]
    table(
        ["ID", "SEVERITY", "TITLE", "LOG SOURCE"], rows, fixed=["ID", "SEVERITY", "LOG SOURCE"], styles=SEVERITY_STYLES
    )
    _show_failing(failing)
    trials = sum(placed[each.id].stage is Stage.SHADOW for each in found)
    if not session.quiet:
        more = f", {len(rules.broken)} did not load (--broken)" if rules.broken else ""
        trial = f", {trials} on trial" if trials else ""
        say(f"\n{plural(len(found), 'rule')}{trial}{more}")


def _severity(rule: Rule | Correlation | SqlRule, placed: Placed) -> Stacked:
    return Stacked((str(rule.severity), *(["(shadow)"] if placed.stage is Stage.SHADOW else [])))


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
