"""``mantissa rules fields``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import number, plural, print_json, say, table

from .chosen import chosen_rules

if TYPE_CHECKING:
    from mantissa_core.detect.workflow.vocabulary import Vocabulary

UNEXPLAINED = "no log type says why"
MARKDOWN = """\
# SigmaHQ's rules and their fields

This page is written by `mantissa rules fields --markdown` over SigmaHQ's folders `cloud`, `identity` and `application`;
do not edit it. *Routed* are the rules that apply to an installed log type, *fields* what these ask for. A field is dead
where no log type that the rule applies to declares it. The reasons stand in the log types, under `sigma.absent`.

| log source | rules | routed | log types | fields | dead |
| --- | --- | --- | --- | --- | --- |
"""


@click.command("fields", cls=Command)
@click.argument("which", nargs=-1, metavar="[RULE]...")
@click.option("--markdown", is_flag=True, help="Print a page of documentation.")
@pass_session
@click.pass_context
def rule_fields(ctx: click.Context, session: Session, which: tuple[str, ...], markdown: bool) -> None:
    """Show by log source which fields rules ask for that no log type has, and why.

    RULE is the path of a rule file or a folder of them, or the beginning of an id; without one, every rule of the
    instance counts. Paths need no instance. 'rules lint --check dead-field' names the rules. Exit code 1 where a
    field is dead and no log type says why.
    """
    from mantissa_core.detect.workflow.vocabulary import vocabularies

    rules, log_types = chosen_rules(session, which)
    found = vocabularies(rules.rules, list(log_types))
    if session.json:
        print_json(found)
    elif markdown:
        click.echo(page(found), nl=False)
    else:
        _show(found)
    ctx.exit(Exit.FINDINGS if any(not dead.reason for each in found for dead in each.dead) else Exit.OK)


def _show(found: Sequence[Vocabulary]) -> None:
    counted = ["RULES", "ROUTED", "FIELDS", "DEAD"]
    rows = [
        (
            each.source,
            each.log_types,
            number(each.rules),
            number(each.routed),
            number(each.fields),
            number(len(each.dead)),
        )
        for each in found
    ]
    table(["LOG SOURCE", "LOG TYPES", *counted], rows, right=counted, fixed=["LOG SOURCE"])
    for each in found:
        for dead in each.dead:
            asked = f"asked for by {plural(dead.rules, 'rule')}"
            say(f"\n{each.source}: {dead.name}, {asked}: {dead.reason or UNEXPLAINED}")
    say(f"\n{_total(found)}")


def _total(found: Sequence[Vocabulary]) -> str:
    routed, dead = sum(each.routed for each in found), [dead for each in found for dead in each.dead]
    unexplained = sum(not each.reason for each in dead)
    return (
        f"{plural(sum(each.rules for each in found), 'rule')}, {number(routed)} routed; "
        f"{plural(len(dead), 'dead field')}, {number(unexplained)} without a reason."
    )


def page(found: Sequence[Vocabulary]) -> str:
    """The page docs/sources-sigma.md. Sources that no log type answers to stand in one line."""
    known = [each for each in found if each.routed]
    rows = [
        f"| `{each.source}` | {each.rules} | {each.routed} | {', '.join(f'`{name}`' for name in each.log_types)} "
        f"| {each.fields} | {len(each.dead)} |"
        for each in known
    ]
    dead = [
        f"- `{each.source}`: `{one.name}`, asked for by {plural(one.rules, 'rule')}: {one.reason or UNEXPLAINED}"
        for each in known
        for one in each.dead
    ]
    others = ", ".join(f"`{each.source}` ({each.rules})" for each in found if not each.routed)
    parts = ["\n".join(rows), _total(found)]
    parts += [f"No installed log type answers to: {others}."] if others else []
    parts += ["## Dead fields", "\n".join(dead) or "None."]
    return MARKDOWN + "\n\n".join(parts) + "\n"
