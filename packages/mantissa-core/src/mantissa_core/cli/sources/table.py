"""``mantissa sources table``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import number, plural, print_json, say
from mantissa_core.cli.output import table as print_table

if TYPE_CHECKING:
    from .products import Conformance, Product, Proof

HEADS = ["SOURCE", "LOG TYPES", "COLUMNS", "READ BY", "DECODER", "RULES", "CONFORMANCE"]


@click.command("table", cls=Command)
@click.option("--markdown", is_flag=True, help="Write the page docs/sources.md of the project.")
@click.option(
    "--conformance",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The record of 'pytest --conformance FILE': what the conformance kits found.",
)
@pass_session
def show_table(session: Session, markdown: bool, conformance: Path | None) -> None:
    """Show every product that the installed packages know: log types, what reads them, rules, what was proven.

    It is about what is installed, not about what is configured, and needs no instance.
    """
    from mantissa_core.detect.rules.rule_set import RuleSet
    from mantissa_core.parse.log_types import LogTypes

    from .products import products

    record = _record(conformance)
    found = products(LogTypes.load(), RuleSet.load(), record)
    if session.json:
        print_json([_document(each) for each in found])
    elif markdown:
        from .markdown import page

        click.echo(page(found), nl=False)
    else:
        _show(found, recorded=conformance is not None)


def _record(file: Path | None) -> Conformance:
    if file is None:
        return {}
    try:
        record = json.loads(file.read_text("utf-8"))
        if all(isinstance(entries, dict) for entries in record.values()):
            return dict(record)
    except (ValueError, AttributeError):
        pass
    raise click.BadParameter(f"{file} is no record of 'pytest --conformance'")


def _show(found: Sequence[Product], *, recorded: bool) -> None:
    heads = HEADS if recorded else HEADS[:-1]
    rows = [
        (
            each.name,
            [log_type.name for log_type in each.log_types],
            number(sum(len(log_type.columns) for log_type in each.log_types)),
            [name for _, name in each.entries],
            each.decoders,
            number(each.rules),
            verdict(each.proof),
        )[: len(heads)]
        for each in found
    ]
    print_table(heads, rows, right=["COLUMNS", "RULES"])
    if recorded:
        proven = sum(each.proof.complete for each in found)
        say(f"\n{plural(len(found), 'source')}, {proven} with everything proven.")


def verdict(proof: Proof) -> str:
    """What the kits found, in some words."""
    if proof.missing:
        return f"not proven: {', '.join(proof.missing)}"
    return f"{proof.failed} failed" if proof.failed else f"{proof.passed} passed"


def _document(each: Product) -> dict[str, Any]:
    proof = each.proof
    return {
        "source": each.name,
        "packages": each.packages,
        "log_types": {log_type.name: len(log_type.columns) for log_type in each.log_types},
        "read_by": [{"group": group, "name": name} for group, name in each.entries],
        "decoders": each.decoders,
        "rules": each.rules,
        "conformance": {
            "complete": proof.complete,
            "passed": proof.passed,
            "failed": proof.failed,
            "skipped": dict(proof.skipped),
            "missing": proof.missing,
            "oldest": proof.oldest or None,
        },
    }
