"""``mantissa rules import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import SEVERITY_STYLES, plural, print_json, say

from .chosen import surroundings

if TYPE_CHECKING:
    from mantissa_core.detect.workflow.import_plan import Plan
    from mantissa_core.detect.workflow.import_tree import Imported

STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")
SHOWN = 20
"""Names that are printed of each kind; --json has all."""


@click.command("import", cls=Command)
@click.argument("tree", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of its own.")
@click.option("--all", "every", is_flag=True, help="Also rules whose log source is not installed.")
@click.option(
    "--status",
    "statuses",
    type=click.Choice(STATUSES),
    multiple=True,
    help="Only these; repeat it. Default: stable, test, experimental.",
)
@click.option(
    "--level", type=click.Choice(tuple(SEVERITY_STYLES)), default="informational", help="At least this level."
)
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@pass_session
def import_rules(
    session: Session, tree: Path, into: Path, every: bool, statuses: tuple[str, ...], level: str, dry_run: bool
) -> None:
    """Bring in the rules of a folder, such as a checkout of SigmaHQ's, as they are and with their licence.

    Only rules that load and whose log source is installed. Doing it again brings the folder up to date and shows what
    was added, changed and removed; what you changed yourself is left alone. mantissa-import.json in the folder says
    where everything came from.
    """
    from mantissa_core.detect.workflow.import_plan import STATUSES as DEFAULT
    from mantissa_core.detect.workflow.import_plan import Wanted, plan
    from mantissa_core.detect.workflow.import_tree import import_tree
    from mantissa_core.model import Severity

    log_types, placeholders = surroundings(session)
    planned = plan(tree, Wanted(statuses or DEFAULT, Severity(level), every), list(log_types), placeholders)
    done = import_tree(tree, into, planned, dry_run=dry_run)
    if session.json:
        print_json({**_document(done), "left_out": planned.left, "refused": planned.refused})
        return
    _show(done, planned, dry_run=dry_run)
    if not session.quiet and done.added and not dry_run:
        say(f'Name the folder in mantissa.toml to run them: [rules] paths = ["{into}"]')


def _document(done: Imported) -> dict[str, Any]:
    return {
        "added": done.added,
        "changed": done.changed,
        "removed": done.removed,
        "unchanged": len(done.unchanged),
        "kept": done.kept,
        "licence": done.licence,
        "commit": done.commit,
    }


def _show(done: Imported, planned: Plan, *, dry_run: bool) -> None:
    for sign, names in (("+", done.added), ("~", done.changed), ("-", done.removed)):
        _list([f"{sign} {name}" for name in names])
    _list([f"= {name}: left alone, {why}" for name, why in done.kept.items()])
    _list([f"! {name}: {why}" for name, why in planned.refused.items()])
    for reason, count in sorted(planned.left.items()):
        say(f"left out: {plural(count, 'rule')}, {reason}")
    would = "would be " if dry_run else ""
    say(
        f"{len(done.added)} {would}added, {len(done.changed)} changed, {len(done.removed)} removed, "
        f"{len(done.unchanged)} unchanged, {len(done.kept)} left alone, {len(planned.refused)} refused."
    )
    say(f"licence: {done.licence}" + (f"; commit {done.commit}" if done.commit else ""))


def _list(lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        say(line)
    if len(lines) > SHOWN:
        say(f"  … {len(lines) - SHOWN} more (--json lists them)")
