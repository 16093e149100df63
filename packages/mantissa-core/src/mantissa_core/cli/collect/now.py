"""``mantissa collect now``, which ``mantissa collect`` stands for: one round of collection."""

from __future__ import annotations

from dataclasses import dataclass, field

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import number, plural, print_json, say, table
from mantissa_core.cli.progress import progress
from mantissa_core.collect import Ingested


@dataclass
class Stream:
    """What one round brought from one stream."""

    label: str
    name: str
    pages: int = 0
    ingested: Ingested = field(default_factory=Ingested)


@click.command("now", cls=Command)
@click.argument("label", required=False)
@pass_session
def collect_now(session: Session, label: str | None) -> None:
    """Read every configured source, or LABEL alone, until there is no more.

    What was committed before an error stays, and the next round goes on from there.
    """
    streams: dict[tuple[str, str], Stream] = {}
    with session.runtime() as runtime:
        try:
            with progress(session, "Collecting") as advance:
                for collected in runtime.collect(label):
                    stream = streams.setdefault(
                        (collected.label, collected.stream), Stream(collected.label, collected.stream)
                    )
                    stream.pages += collected.pages
                    stream.ingested += collected.ingested
                    advance(sum(each.ingested.rows for each in streams.values()))
        finally:
            _show(session, list(streams.values()))


def _show(session: Session, streams: list[Stream]) -> None:
    if session.json:
        print_json(
            [
                {
                    "label": each.label,
                    "stream": each.name,
                    "pages": each.pages,
                    "rows": each.ingested.rows,
                    "duplicates": each.ingested.duplicates,
                    "dead_letters": each.ingested.dead,
                    "drift": dict(each.ingested.drift),
                }
                for each in streams
            ]
        )
        return
    if not streams:
        say("Nothing new.")
        return
    counted = ["PAGES", "ROWS", "DUPLICATES", "DEAD LETTERS"]
    rows = [
        (each.label, each.name, each.pages, number(each.ingested.rows), number(each.ingested.duplicates),
         number(each.ingested.dead))
        for each in streams
    ]  # fmt: skip
    table(["LABEL", "STREAM", *counted], rows, right=counted)
    total = sum(each.ingested.rows for each in streams)
    if total and not session.quiet:
        say(f"{plural(total, 'event')} stored. Next: {session.command} detect")
