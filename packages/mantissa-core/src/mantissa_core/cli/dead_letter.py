"""``mantissa dead-letter``: records that could not be parsed."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import Any

import click

from .command import Group, Session, pass_session
from .exit_codes import Exit
from .output import moment, plural, print_json, say, size, table
from .progress import progress

SHOWN = 80
"""Characters of a raw record in the table."""


@click.group("dead-letter", cls=Group)
def command() -> None:
    """Records that could not be parsed: nothing that was collected is dropped in silence."""


@command.command("list")
@click.option("--type", "log_type", metavar="LOG_TYPE", help="Only of this log type.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@pass_session
def list_letters(session: Session, log_type: str | None, limit: int) -> None:
    """List dead letters that were not replayed yet, newest first, with reason and place. --json has all of each."""
    from mantissa_core.dead_letters import waiting

    with session.runtime() as runtime:
        found = list(islice(waiting(runtime, log_type), limit))
    if session.json:
        print_json(found)
    elif found:
        table(["SINCE (UTC)", "LOG TYPE", "REASON", "PLACE", "SIZE", "RECORD"], map(_row, found), right=["SIZE"])
    else:
        say("No dead letters.")


def _row(letter: dict[str, Any]) -> tuple[object, ...]:
    place = f"{letter['name'] or letter['origin']} at {letter['position']}"
    raw = letter["raw"] if len(letter["raw"]) <= SHOWN else f"{letter['raw'][: SHOWN - 1]}…"
    return moment(letter["m_ingest_time"]), letter["log_type"], letter["reason"], place, size(letter["size"]), raw


@command.command("replay")
@click.option("--type", "log_type", metavar="LOG_TYPE", help="Only of this log type.")
@pass_session
@click.pass_context
def replay_letters(ctx: click.Context, session: Session, log_type: str | None) -> None:
    """Parse dead letters again, after a log type or the parser was mended, and store those that are events now.

    May be repeated: nothing is stored twice. Exit code 1 where some are still unusable.
    """
    from mantissa_core.dead_letters import replay

    with session.runtime() as runtime, progress(session, "Replaying"):
        done = replay(runtime, log_type)
    if session.json:
        print_json(asdict(done))
    else:
        say(
            f"{plural(done.tried, 'dead letter')} tried: {plural(done.stored, 'event')} stored, "
            f"{done.duplicates} stored before, {done.still_dead} still unusable."
        )
    ctx.exit(Exit.FINDINGS if done.still_dead else Exit.OK)
