"""``mantissa rules lint``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import plural, print_json, say, table

from .chosen import chosen_rules

if TYPE_CHECKING:
    from mantissa_core.detect.workflow.lint import Problem

LEVELS = ("error", "warning", "hint")

LONG = 20
"""Problems from which on a tally by check ends the list."""


@click.command("lint", cls=Command)
@click.argument("which", nargs=-1, metavar="[RULE]...")
@click.option(
    "--level", type=click.Choice(LEVELS), default="hint", show_default=True, help="The least that is reported."
)
@click.option(
    "--fail-on", type=click.Choice(LEVELS), default="error", show_default=True, help="The least that fails the command."
)
@click.option("--check", "checks", multiple=True, metavar="CHECK", help="Only what this check finds. May be repeated.")
@pass_session
@click.pass_context
def lint_rules(
    ctx: click.Context, session: Session, which: tuple[str, ...], level: str, fail_on: str, checks: tuple[str, ...]
) -> None:
    """Check rules without events: fields that no log type has, rules that can never fire, duplicates, gaps.

    RULE is the path of a rule file or a folder of them, or the beginning of an id; without one, every rule of the
    instance is checked. Paths need no instance. Exit code 1 where a problem is at least --fail-on.
    """
    from mantissa_core.detect.workflow.lint import lint

    rules, log_types = chosen_rules(session, which)
    found = [each for each in lint(rules, list(log_types)) if not checks or each.check in checks]
    shown = [each for each in found if _reaches(each, level)]
    if session.json:
        print_json(shown)
    else:
        _show(shown, len(rules.rules) + len(rules.queries) + len(rules.broken))
    ctx.exit(Exit.FINDINGS if any(_reaches(each, fail_on) for each in found) else Exit.OK)


def _reaches(problem: Problem, level: str) -> bool:
    return LEVELS.index(problem.level) <= LEVELS.index(level)


def _show(problems: Sequence[Problem], rules: int) -> None:
    for each in problems:
        place = f"{_shortest(each.file)}:{each.line}" if each.line else _shortest(each.file)
        say(f"{place}: {each.level}: {each.message} [{each.check}]")
    if len(problems) > LONG:
        say()
        tally = Counter((each.check, str(each.level)) for each in problems)
        rows = [(check, level, f"{count:,}") for (check, level), count in tally.most_common()]
        table(("check", "level", "found"), rows, right=("found",))
    counts = Counter(str(each.level) for each in problems)
    told = ", ".join(plural(counts[name], name) for name in LEVELS if counts[name])
    say(f"{chr(10) if problems else ''}{plural(rules, 'rule')}: {told or 'nothing to report'}.")


def _shortest(file: str) -> str:
    """Relative to the current folder where it lies below it."""
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file
