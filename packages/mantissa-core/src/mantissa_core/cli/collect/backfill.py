"""``mantissa collect backfill``."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.labels import labels_of
from mantissa_core.cli.output import number, plural, print_json, say
from mantissa_core.cli.progress import progress
from mantissa_core.collect import Ingested

TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])


@click.command("backfill", cls=Command)
@click.argument("label")
@click.option(
    "--from",
    "start",
    type=TIME,
    metavar="TIME",
    help="Where to begin, in UTC. Default: at the first gap.",
)
@click.option("--to", "end", type=TIME, metavar="TIME", help="Where to end, in UTC. Default: now.")
@click.option("--again", is_flag=True, help="Read what was read before, too; needs --from.")
@pass_session
def backfill_source(session: Session, label: str, start: datetime | None, end: datetime | None, again: bool) -> None:
    """Fill the gaps of the source LABEL, newest first, while its collection goes on.

    Goes gently: after each page it pauses for as long as the page took. What is stored already is not stored twice.
    It may be stopped at any time; the same command goes on.
    """
    if again and start is None:
        raise click.UsageError("--again needs --from: how far back to read once more")
    if start is not None and end is not None and end <= start:
        raise click.UsageError(f"--to ({end}) is not later than --from ({start})")
    total, pages = Ingested(), 0
    with session.runtime() as runtime:
        labels_of(runtime, label)
        stop = threading.Event()
        with progress(session, f"Filling gaps of {label}") as advance:
            filling = runtime.backfill(label, _utc(start), _utc(end), again=again, stop=stop.is_set, wait=stop.wait)
            for collected in filling:
                total += collected.ingested
                pages += collected.pages
                advance(total.rows)
    if session.json:
        counts = {"rows": total.rows, "duplicates": total.duplicates, "dead_letters": total.dead}
        print_json({"label": label, "pages": pages, **counts})
    elif pages:
        say(f"{plural(total.rows, 'event')} stored, {number(total.duplicates)} known before.")
    else:
        say("No gaps there.")


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
