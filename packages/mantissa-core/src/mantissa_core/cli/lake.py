"""``mantissa lake``: the tables and their upkeep. ``mantissa run`` does all of it by itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .command import Group, Session, pass_session
from .exit_codes import Exit
from .output import number, plural, print_json, say, size, table
from .progress import progress

if TYPE_CHECKING:
    from mantissa_core.lake.compact import Compaction
    from mantissa_core.lake.table import Table


@click.group("lake", cls=Group)
def command() -> None:
    """Size, compaction, retention and verification of the lake.

    'mantissa run' compacts, drops old days and vacuums by itself.
    """


@command.command("info")
@pass_session
def info(session: Session) -> None:
    """List the tables: rows, files, size, days, and versions that detection has not seen."""
    from mantissa_core import maintenance

    with session.runtime() as runtime:
        seen = maintenance.consumed(runtime)
        url = runtime.lake.url
        tables = [_facts(runtime.lake.table(name), seen.get(name)) for name in runtime.lake.tables()]
    if session.json:
        print_json({"url": url, "tables": tables})
        return
    rows = [
        (each["name"], number(each["rows"]), number(each["files"]), size(each["bytes"]),
         f"{each['bytes'] / each['rows']:.0f}" if each["rows"] else "", _span(each), _to_detect(each))
        for each in tables
    ]  # fmt: skip
    right = ["ROWS", "FILES", "SIZE", "BYTES/ROW", "TO DETECT"]
    table(["TABLE", "ROWS", "FILES", "SIZE", "BYTES/ROW", "DAYS", "TO DETECT"], rows, right=right, fixed=["TABLE"])
    say(f"\n{plural(len(tables), 'table')} in {url}")


def _facts(lake_table: Table, seen: int | None) -> dict[str, Any]:
    files, version = lake_table.live(), lake_table.version()
    days = [file.dt for file in files]
    return {
        "name": lake_table.name,
        "rows": sum(file.rows for file in files),
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "first_day": min(days, default=None),
        "last_day": max(days, default=None),
        "version": version,
        "versions_to_detect": None if seen is None else version - seen,
    }


def _span(each: dict[str, Any]) -> str:
    first, last = each["first_day"], each["last_day"]
    return first or "" if first == last else f"{first} to {last}"


def _to_detect(each: dict[str, Any]) -> str:
    waiting = each["versions_to_detect"]
    return "" if waiting is None else number(waiting)


@command.command("compact")
@click.argument("name", metavar="[TABLE]", required=False)
@click.option("--force", is_flag=True, help="Every day with unsorted files, not only those where it pays.")
@pass_session
def compact(session: Session, name: str | None, force: bool) -> None:
    """Merge small files into sorted ones. Readers and writers go on meanwhile."""
    from mantissa_core import maintenance

    with session.runtime() as runtime, progress(session, "Compacting"):
        done = maintenance.compact(runtime, name, force=force)
    if session.json:
        print_json({table_name: asdict(each) for table_name, each in done.items()})
        return
    rows = [_compacted(table_name, each) for table_name, each in done.items() if each.days or each.fenced]
    if not rows:
        say("Nothing to compact." if force else "Nothing is worth compacting; --force does it nevertheless.")
        return
    columns = ["DAYS", "FILES", "SIZE", "DUPLICATES"]
    table(["TABLE", *columns, ""], rows, right=columns)


def _compacted(name: str, done: Compaction) -> tuple[str, ...]:
    return (
        name,
        number(len(done.days)),
        f"{number(done.files_before)} to {number(done.files_after)}",
        f"{size(done.bytes_before)} to {size(done.bytes_after)}",
        number(done.duplicates),
        "another process is compacting" if done.fenced else "",
    )


@command.command("retain")
@click.option("--days", type=click.IntRange(1), help="Keep so many days. Default: lake.retention_days.")
@pass_session
def retain(session: Session, days: int | None) -> None:
    """Drop the days that are older than the retention. Their space is freed by the next vacuum."""
    from mantissa_core import maintenance

    with session.runtime() as runtime:
        done = maintenance.retain(runtime, days)
    if session.json:
        print_json({name: asdict(each) for name, each in done.items()})
        return
    rows = [(name, len(each.days), number(each.files), number(each.rows)) for name, each in done.items() if each.days]
    if not rows:
        say("No day is older than the retention.")
        return
    table(["TABLE", "DAYS", "FILES", "ROWS"], rows, right=["DAYS", "FILES", "ROWS"])


@command.command("vacuum")
@pass_session
def vacuum(session: Session) -> None:
    """Delete files that nothing refers to any more: replaced, dropped, or left by a crash a day ago or earlier."""
    from mantissa_core import maintenance

    with session.runtime() as runtime, progress(session, "Vacuuming"):
        done = maintenance.vacuum(runtime)
    if session.json:
        print_json({"files": list(done.files), "bytes": done.bytes})
    else:
        say(f"{plural(len(done.files), 'file')} deleted, {size(done.bytes)} freed.")


@command.command("verify")
@pass_session
@click.pass_context
def verify(ctx: click.Context, session: Session) -> None:
    """Check that every file is there and is what the log says, and that no vendor's id stands twice in a day.

    Exit code 1 where something is wrong.
    """
    from mantissa_core.lake.verify import verify as findings_of

    with session.runtime() as runtime, progress(session, "Verifying"):
        found = findings_of(runtime.lake)
        tables = len(runtime.lake.tables())
    if session.json:
        print_json([asdict(each) for each in found])
    elif found:
        table(["TABLE", "PLACE", "PROBLEM"], ((each.table, each.place, each.problem) for each in found))
    else:
        say(f"{plural(tables, 'table')}: every file is there and sound.")
    ctx.exit(Exit.FINDINGS if found else Exit.OK)
