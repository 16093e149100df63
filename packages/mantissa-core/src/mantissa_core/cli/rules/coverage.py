"""``mantissa rules coverage``."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import number, plural, print_json, say, table

from .span import length

if TYPE_CHECKING:
    from mantissa_core.detect.workflow.coverage import Coverage

STATES = {"live": "events", "silent": "no events", "missing": "no log type"}


@click.command("coverage", cls=Command)
@click.option(
    "--last", callback=length, metavar="LENGTH", default="30d", show_default=True, help="Events as old as that count."
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to read and print.")
@click.option(
    "--navigator", type=click.Path(dir_okay=False, path_type=Path), help="Write a layer for the ATT&CK Navigator."
)
@pass_session
def coverage_rules(session: Session, last: timedelta, html: Path | None, navigator: Path | None) -> None:
    """Show which ATT&CK techniques have rules, and whether their log sources really deliver events.

    A technique counts as covered where a rule for it reads a source whose events came in.
    """
    from mantissa_core.detect.workflow.coverage import coverage, sources

    now = datetime.now(UTC)
    with session.runtime() as runtime:
        known = list(runtime.log_types)
        disabled = {each.rule.id for each in runtime.schedules if not each.enabled}
        found = coverage(runtime.rules, known, sources(runtime.lake, known, (now - last).date()), disabled)
    if html is not None:
        from mantissa_core.detect.workflow.coverage_page import page

        html.write_text(page(found, now), "utf-8")
    if navigator is not None:
        from mantissa_core.detect.workflow.navigator import layer

        navigator.write_text(json.dumps(layer(found), ensure_ascii=False, indent=2) + "\n", "utf-8")
    if session.json:
        print_json(_document(found))
        return
    _show(found)
    for path in (html, navigator):
        if path is not None:
            say(f"Written: {path}")


def _document(found: Coverage) -> dict[str, Any]:
    return {
        "sources": [
            {"name": each.name, "state": each.state, "events": each.rows, "newest": each.newest}
            for each in found.sources
        ],
        "techniques": [
            {
                "id": each.id,
                "tactics": each.tactics,
                "covered": each.covered,
                "rules": {name: [rule.id for rule in rules] for name, rules in each.rules.items()},
            }
            for each in found.techniques
        ],
        "untagged": [rule.id for rule in found.untagged],
    }


def _show(found: Coverage) -> None:
    names = [each.name for each in found.sources]
    rows = [
        (
            each.id,
            ", ".join(each.tactics),
            *(number(len(each.rules[name])) if name in each.rules else "" for name in names),
            "yes" if each.covered else "no",
        )
        for each in found.techniques
    ]
    if rows:
        table(["TECHNIQUE", "TACTICS", *names, "COVERED"], rows, right=names, fixed=["TECHNIQUE", "COVERED"])
        say()
    lines = [(each.name, STATES[each.state], number(each.rows), each.newest) for each in found.sources]
    table(["SOURCE", "STATE", "EVENTS", "NEWEST DAY"], lines, right=["EVENTS"], fixed=["SOURCE", "STATE", "NEWEST DAY"])
    covered = sum(each.covered for each in found.techniques)
    untagged = f"; {plural(len(found.untagged), 'rule')} without a technique" if found.untagged else ""
    say(f"\n{plural(len(found.techniques), 'technique')} with rules, {covered} with events too{untagged}.")
