"""``mantissa sources coverage``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import number, plural, print_json, say, table
from mantissa_core.cli.rules.chosen import surroundings

if TYPE_CHECKING:
    from mantissa_core.hookspecs import Parser
    from mantissa_core.model import LogType
    from mantissa_core.parse.shares import ShareCounter, Shares, Without

HEADS = ["TIME", "ID", "ACTION", "USER", "SRC IP", "REBUILT"]
NEEDED = ("time", "id", "action")
"""What every event should get that says it."""
MOST_PATHS = 5


@click.command("coverage", cls=Command)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--type", "log_type", metavar="LOG_TYPE", help="What the files hold, such as aws.cloudtrail.")
@click.option("--places", is_flag=True, help="Show where events without a field stand, some of each.")
@pass_session
@click.pass_context
def show_coverage(
    ctx: click.Context, session: Session, paths: tuple[Path, ...], log_type: str | None, places: bool
) -> None:
    """Show how much of the events in files their log type understands, in percent.

    That is: which share of them gets a time, the vendor's id, an action, a user, a source address; and of how many the
    stored row gives back the event as it came. Nothing is stored. PATH is a file, or a folder at any depth; the log
    type is told as by 'mantissa ingest'. No instance is needed.

    Below the table stands what events without a value may say it with, guessed by names and values. Exit code 1 where
    that is so for a time, an id or an action, where an event is not rebuilt, or a record is none.
    """
    from mantissa_core.cli.files import Sorted, below, sort
    from mantissa_core.cli.guess import Guesser
    from mantissa_core.parse.shares import ShareCounter

    log_types, _ = surroundings(session)
    files = [file for path in paths for file in below(path)]
    chosen = Sorted()
    if log_type is not None:
        for file in files:
            chosen.add(log_types.get(log_type).name, file)
    else:
        chosen = sort(files, Guesser(log_types, _decoder).guess, lambda _: None)
    counted: list[Shares] = []
    for name, folders in sorted(chosen.files.items()):
        counter = ShareCounter(log_types.get(name))
        for file in (file for folder in folders.values() for file in folder):
            _read(counter, log_types.get(name), file)
        counter.close()
        counted.append(counter.shares)
    if session.json:
        print_json([_document(each) for each in counted])
    else:
        _show(counted, places=places)
    for file, reason in chosen.skipped.items():
        say(f"{file}: left out: {reason}", err=True)
    ctx.exit(Exit.OK if all(map(_whole, counted)) and not chosen.skipped else Exit.FINDINGS)


def _decoder(name: str) -> Parser:
    from mantissa_core import catalog
    from mantissa_core.hookspecs import Parser

    plugin = catalog.load(Parser.group, name)
    decoder: Parser = plugin(plugin.Config())
    return decoder


def _read(counter: ShareCounter, log_type: LogType, file: Path) -> None:
    from mantissa_core.model import Blob
    from mantissa_core.parse.compression import open_blob

    blob = open_blob(Blob(str(file), str(file), lambda: file.open("rb")))
    for step in _decoder(log_type.decoder).decode(blob):
        counter.add(step.records, step.positions, str(file))
        counter.shares.dead += len(step.rejected)
        if step.rejected and not counter.shares.reason:
            counter.shares.reason = step.rejected[0].reason


def _whole(shares: Shares) -> bool:
    from mantissa_core.parse.shares import REBUILT

    missed = any(shares.lacking(name).perhaps for name in NEEDED)
    return not (shares.dead or missed or shares.lacking(REBUILT).events)


def _show(counted: Sequence[Shares], *, places: bool) -> None:
    from mantissa_core.parse.shares import FIELDS, REBUILT

    names = (*FIELDS, REBUILT)
    rows = [
        (each.log_type, number(each.events), number(each.dead), *(_percent(each.share(name)) for name in names))
        for each in counted
    ]
    table(["LOG TYPE", "EVENTS", "DEAD", *HEADS], rows, right=["EVENTS", "DEAD", *HEADS], fixed=["LOG TYPE"])
    for each in counted:
        if each.dead:
            say(f"\n{each.log_type}: {plural(each.dead, 'record')} no event: {each.reason}")
        for name in names:
            if without := each.without.get(name):
                say(f"\n{each.log_type}, {_said(name, without)}")
                if places:
                    say("\n".join(f"  {place}" for place in without.places))


def _said(name: str, without: Without) -> str:
    from mantissa_core.parse.shares import REBUILT

    if name == REBUILT:
        return f"{plural(without.events, 'event')} not rebuilt equal"
    events = f"{plural(without.events, 'event')} without {name}"
    if not without.perhaps:
        return f"{events}: nothing in {'it' if without.events == 1 else 'them'} looks like one"
    paths = ", ".join(f"{path} ({number(times)})" for path, times in without.likely.most_common(MOST_PATHS))
    return f"{events}; {number(without.perhaps)} may say it: {paths}"


def _percent(share: float | None) -> str:
    """Rounded down: 100 % is all of them."""
    return "" if share is None else f"{int(share * 1000) / 10:g} %"


def _document(each: Shares) -> dict[str, Any]:
    return {
        "log_type": each.log_type,
        "events": each.events,
        "dead_letters": each.dead,
        "reason": each.reason or None,
        "without": {
            name: {
                "events": without.events,
                "perhaps": without.perhaps,
                "places": without.places,
                "likely": dict(without.likely.most_common()),
            }
            for name, without in each.without.items()
        },
    }
