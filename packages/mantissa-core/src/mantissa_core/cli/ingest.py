"""``mantissa ingest``: log files into the lake."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.errors import ConfigError

from .command import Command, Session, pass_session
from .exit_codes import Exit
from .output import number, paragraph, plural, print_json, say, size, table
from .progress import progress

if TYPE_CHECKING:
    from mantissa_core.collect.ingest import Ingested
    from mantissa_core.runtime import Runtime

    from .files import Sorted

SHOWN = 5
"""Lines of drift and of files left out that are printed; --json has all."""


@dataclass
class Intake:
    """What became of files, by log type."""

    files: dict[str, int] = field(default_factory=dict)
    counts: dict[str, Ingested] = field(default_factory=dict)
    skipped: dict[Path, str] = field(default_factory=dict)
    seconds: float = 0.0
    read_bytes: int = 0

    @property
    def rows(self) -> int:
        """Events stored."""
        return sum(each.rows for each in self.counts.values())

    @property
    def dead(self) -> int:
        """Records that could not be parsed."""
        return sum(each.dead for each in self.counts.values())

    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "log_types": {
                name: {
                    "files": self.files[name],
                    "rows": each.rows,
                    "duplicates": each.duplicates,
                    "dead_letters": each.dead,
                    "drift": dict(each.drift),
                }
                for name, each in self.counts.items()
            },
            "skipped": {str(file): reason for file, reason in self.skipped.items()},
            "bytes": self.read_bytes,
            "seconds": round(self.seconds, 3),
        }


@click.command("ingest", cls=Command)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--type", "log_type", metavar="LOG_TYPE", help="What the files hold, such as aws.cloudtrail.")
@click.option("--source", default="ingest", show_default=True, help="Goes into m_source.")
@pass_session
@click.pass_context
def command(ctx: click.Context, session: Session, path: Path, log_type: str | None, source: str) -> None:
    """Store the log files at PATH: a file, or a folder at any depth. Plain, gzip or zstd.

    Without --type the log type of each file is told from its folder (…/cloudtrail/raw/2026/11/21/05/,
    …/logs/okta/year=2026/…) or from its first records. A file that was stored is left out the next time, so the
    command may be repeated. Exit code 1 where records became dead letters or a file's type could not be told.
    """
    with session.runtime() as runtime:
        intake = ingest(session, runtime, path, log_type, source)
    if session.json:
        print_json(intake.document())
    else:
        show(session, intake)
    ctx.exit(Exit.FINDINGS if intake.dead or intake.skipped else Exit.OK)


def ingest(session: Session, runtime: Runtime, path: Path, log_type: str | None, source: str = "ingest") -> Intake:
    """Store the files at ``path`` in the instance.

    Raises:
        ConfigError: there is no file, or ``source`` is the label of a configured collector.
        LogTypeError: the log type is unknown or cannot be told.
    """
    from mantissa_core.collect.ingest import Ingested
    from mantissa_core.hookspecs import Collector

    from .files import ChosenFiles

    if source in runtime.settings.collectors:
        raise ConfigError("command line", "--source", f"{source!r}, a configured collector", "another name")
    chosen = _chosen(session, runtime, path, log_type)
    collector = ChosenFiles(chosen.files)
    runtime.host.add(Collector, source, collector, "ingest")
    files = {name: sum(map(len, folders.values())) for name, folders in chosen.files.items()}
    intake = Intake(files, {name: Ingested(drift=Counter()) for name in files}, chosen.skipped)
    started = time.perf_counter()
    total = sum(file.stat().st_size for file in chosen)
    with progress(session, "Storing", total, bytes_=True) as advance:
        for collected in runtime.collect(source):
            intake.counts[collected.stream.partition(":")[0]] += collected.ingested
            advance(collector.read_bytes)
    intake.seconds, intake.read_bytes = time.perf_counter() - started, collector.read_bytes
    return intake


def _chosen(session: Session, runtime: Runtime, path: Path, log_type: str | None) -> Sorted:
    from .files import Sorted, below, sort
    from .guess import Guesser

    files = below(path)
    if log_type is not None:
        name = runtime.log_types.get(log_type).name
        chosen = Sorted()
        for file in files:
            chosen.add(name, file)
        return chosen
    guesser = Guesser(runtime.log_types, runtime.decoder)
    with progress(session, "Looking at files", len(files)) as advance:
        return sort(files, guesser.guess, advance)


def show(session: Session, intake: Intake) -> None:
    """Print what became of the files."""
    counted = ["FILES", "EVENTS STORED", "STORED BEFORE", "DEAD LETTERS"]
    rows = [
        (name, number(intake.files[name]), number(each.rows), number(each.duplicates), number(each.dead))
        for name, each in intake.counts.items()
    ]
    table(["LOG TYPE", *counted], rows, right=counted)
    if intake.rows:
        rate = f"{number(intake.rows / max(intake.seconds, 1e-3))} events/s, {size(intake.read_bytes)} read"
        say(f"\n{plural(intake.rows, 'event')} in {intake.seconds:.1f} s: {rate}.")
    elif not intake.dead:
        say("\nNothing new: these files were stored before.")
    _show_drift(intake)
    if intake.skipped:
        paragraph(f"Left out: {left_out(intake.skipped)}. Name a type with --type.")
    if intake.dead and not session.quiet:
        say(f"{plural(intake.dead, 'record')} could not be parsed: {session.command} dead-letter list")


def left_out(skipped: Mapping[Path, str]) -> str | None:
    """Which files were left out, in a few words."""
    if not skipped:
        return None
    names = ", ".join(file.name for file in list(skipped)[:SHOWN])
    more = f" and {len(skipped) - SHOWN} more (--json lists them)" if len(skipped) > SHOWN else ""
    return f"{plural(len(skipped), 'file')} of no known log type: {names}{more}"


def _show_drift(intake: Intake) -> None:
    drift = [(name, path, count) for name, each in intake.counts.items() for path, count in each.drift.most_common()]
    for name, path, count in drift[:SHOWN]:
        say(f"drift: {name} {path}: {plural(count, 'value')} of another type than declared, kept in m_extra")
    if len(drift) > SHOWN:
        say(f"drift: {len(drift) - SHOWN} more fields; --json lists them")
