"""``mantissa schema``: what may be asked about, and by which words."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .command import Group, Session, pass_session
from .output import paragraph, plural, print_json, say, table

if TYPE_CHECKING:
    from mantissa_core.ask.schema import SchemaTable

_JOINED = ("m_user", "m_src_ip", "m_dst_ip", "m_target", "m_any_ip", "m_any_user", "m_any_resource")
"""Columns by which rows of different tables belong together."""


@click.group("schema", cls=Group)
def command() -> None:
    """What 'mantissa ask' can be asked about: tables, views, columns, and the words for them."""


@command.command("show")
@click.argument("name", metavar="[TABLE]", required=False)
@pass_session
def show(session: Session, name: str | None) -> None:
    """List the tables and views that hold something, or the columns of one."""
    with session.runtime() as runtime:
        schema = runtime.asker.schema()
    if name is not None:
        schema.table(name)  # tells what there is, if it is none of those
    if session.json:
        shown = [schema.tables[name]] if name else list(schema.tables.values())
        print_json({"version": schema.version, "tables": [_document(each) for each in shown]})
    elif name is not None:
        _columns(schema.tables[name])
    else:
        rows = [
            (each.name, "view" if each.is_view else "table", len(each.columns), each.title)
            for each in schema.tables.values()
        ]
        table(["NAME", "KIND", "COLUMNS", "WHAT IT HOLDS"], rows, right=["COLUMNS"], fixed=["NAME", "KIND"])
        if not session.quiet:
            say(f"\n{plural(len(rows), 'table or view', 'tables and views')}. {session.command} schema show TABLE")


@command.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="Lines at most.")
@pass_session
def search(session: Session, words: tuple[str, ...], limit: int) -> None:
    """Find tables and columns that are about some words."""
    with session.runtime() as runtime:
        hits = runtime.asker.schema().search(" ".join(words), limit)
    if session.json:
        print_json(
            [
                {
                    "table": each.table.name,
                    "column": each.column.name if each.column else None,
                    "description": each.column.description if each.column else each.table.description,
                    "score": each.score,
                }
                for each in hits
            ]
        )
        return
    if not hits:
        say("Nothing is about that.")
        return
    rows = [
        (each.table.name, each.column.name if each.column else "", (each.column or each.table).description)
        for each in hits
    ]
    table(["TABLE", "COLUMN", "ABOUT"], rows, fixed=["TABLE"])


def _columns(shown: SchemaTable) -> None:
    from mantissa_core.ask.parse.quantities import is_amount

    say(f"{shown.name}: {shown.title}")
    if shown.description:
        paragraph(shown.description)
    if shown.synonyms:
        paragraph(f"Asked for as: {', '.join(shown.synonyms)}")
    say()
    rows = [
        (each.name, each.type, ", ".join(each.synonyms), _about(each.description, list(each.values)))
        for each in shown.columns.values()
    ]
    table(["COLUMN", "TYPE", "ASKED FOR AS", "ABOUT"], rows)
    if shown.asked:
        say("\nEvents that can be asked for by a phrase, such as these, and with other verbs of the same meaning:")
        paragraph(", ".join(each.phrases[0] for each in shown.asked) + ".")
    if amounts := [each.name for each in shown.columns.values() if is_amount(each)]:
        paragraph(f"Amounts, to be added up, averaged or ranked: {', '.join(amounts)}.")
    joined = [each for each in _JOINED if each in shown.columns]
    paragraph(f"The same in every log, to look things up across them: {', '.join(joined)}.")


def _about(description: str, values: list[str]) -> str:
    known = f" Known values: {', '.join(values[:12])}{', …' if len(values) > 12 else ''}." if values else ""
    return f"{description}{known}".strip()


def _document(shown: SchemaTable) -> dict[str, Any]:
    kind = "view" if shown.is_view else "table"
    return {**asdict(shown), "kind": kind, "columns": [asdict(each) for each in shown.columns.values()]}
