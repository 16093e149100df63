"""``mantissa rules migrate``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import plural, print_json, say
from mantissa_core.errors import RuleError


@dataclass(frozen=True, slots=True)
class Migrated:
    """What became of one file. ``written`` is where it went, if anywhere; ``text`` the new documents."""

    file: str
    written: str | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    text: str = ""


@click.command("migrate", cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the new files; else they are printed.",
)
@click.option("--timespan", default="1h", show_default=True, help="For rules without a timeframe, such as 10m.")
@pass_session
@click.pass_context
def migrate_rules(
    ctx: click.Context, session: Session, paths: tuple[Path, ...], output: Path | None, timespan: str
) -> None:
    """Convert Sigma's former aggregations, such as "selection | count() by user > 5", to correlations.

    PATH is a rule file or a folder of them. Files without an aggregation are left out. Exit code 1 where one cannot
    be converted.
    """
    found = list(_migrated(paths, output, timespan))
    if session.json:
        print_json([asdict(each) for each in found])
    else:
        _show(found, output)
    ctx.exit(Exit.FINDINGS if any(each.error for each in found) else Exit.OK)


def _migrated(paths: Sequence[Path], output: Path | None, timespan: str) -> Iterator[Migrated]:
    from mantissa_core.detect.correlate.migrate import migrated

    for file, name in _files(paths):
        try:
            new = migrated(file.read_text(encoding="utf-8-sig"), timespan)
        except (RuleError, OSError, UnicodeDecodeError) as error:
            yield Migrated(str(file), error=str(error))
            continue
        if new is None:
            continue
        text, warnings = new
        if output is not None:
            target = output / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        yield Migrated(str(file), str(output / name) if output else None, warnings, text=text)


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Rule files and their paths below the folder that was named."""
    from mantissa_core.detect.rules.files import TESTS

    for path in paths:
        if path.is_file():
            yield path, Path(path.name)
            continue
        for file in sorted(each for each in path.rglob("*") if each.suffix in {".yml", ".yaml"}):
            if file.is_file() and not file.name.endswith(TESTS):
                yield file, file.relative_to(path)


def _show(found: Sequence[Migrated], output: Path | None) -> None:
    converted = [each for each in found if not each.error]
    for each in converted:
        if output is None:
            say(f"# {each.file}\n{each.text.rstrip()}\n---")
        else:
            say(each.written or "")
        for warning in each.warnings:
            say(f"{each.file}: {warning}", err=True)
    for each in found:
        if each.error:
            say(f"{each.file}: {each.error}", err=True)
    failed = len(found) - len(converted)
    say(f"{plural(len(converted), 'file')} converted, {failed} cannot be.", err=True)
