"""``mantissa demo``: the whole pipeline over a simulated day, or over real logs, with nothing configured."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.errors import ConfigError, PluginError

from .command import Command, Session, pass_session
from .exit_codes import Exit
from .init import write_config
from .output import print_json
from .progress import progress
from .session import FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mantissa_core.model import LogType
    from mantissa_core.runtime import Runtime

    from .demo_report import Report

NEEDED = ("mantissa-aws", "mantissa-okta", "mantissa-rules")
FOLDER = "mantissa-demo"
ALL = "all"
LOGS = "logs"
MADE = frozenset({FILE, LOGS, "lake", "state", "cache", "alerts.ndjson"})
"""What a demo leaves in its folder, and removes from it before the next."""

MARK = "# Made by 'mantissa demo', which makes this folder anew each time."
CONFIG = f"""{MARK}

[lake]
url = "lake"
retention_days = 36500      # real logs may be old

[sinks.file]
plugin = "core.file"
path = "alerts.ndjson"
"""
SOURCES = """
[collectors.cloudtrail]
plugin = "core.file"
path = "{cloudtrail}"
log_type = "aws.cloudtrail"

[collectors.okta]
plugin = "core.file"
path = "{okta}"
log_type = "okta.system"
"""


@click.command("demo", cls=Command)
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed, another company and day.")
@click.option("--events", type=click.IntRange(500), default=30_000, show_default=True, help="About how many of them.")
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The day that is simulated. Default: yesterday.",
)
@click.option(
    "--input", "path", type=click.Path(exists=True, path_type=Path), help="Real logs instead: file or folder."
)
@click.option(
    "--source",
    "names",
    multiple=True,
    metavar="NAME",
    help="Simulate these sources instead: a product, a vendor or a log type; 'all' for every one. May be repeated.",
)
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help=f"Folder to work in. Default: {FOLDER}.")
@pass_session
@click.pass_context
def command(
    ctx: click.Context,
    session: Session,
    seed: int,
    day: datetime | None,
    events: int,
    path: Path | None,
    names: tuple[str, ...],
    keep: Path | None,
) -> None:
    """Show the whole pipeline at work, in less than a minute and with nothing configured.

    Simulates a day of CloudTrail and Okta logs of a small company, with four attacks hidden in them, stores and
    analyses the logs for real, and says which attacks were alerted and how many alerts were not planted. With
    --input the same happens to logs of your own; their types are told from their names or contents. With --source it
    happens to a day of any sources that are installed, made of their log types' examples; nothing is planted in it.

    Everything is in one folder, which is an ordinary instance: go on with 'mantissa -C mantissa-demo …'. Exit
    code 1 where an attack was not alerted.
    """
    from .demo_report import show

    if path is not None and names:
        raise click.UsageError("--input and --source exclude each other")
    if not names:
        _require_packages()
    home = _prepare(keep or Path(FOLDER))
    session.home = str(keep or FOLDER)
    if path is not None:
        report = _real(session, home, path)
    elif names:
        report = _examples(session, home, seed, _day(day), events, names)
    else:
        report = _simulated(session, home, seed, _day(day), events)
    if session.json:
        print_json(report.document())
    else:
        show(session, report)
    ctx.exit(Exit.OK if all(each.alerts for each in report.attacks) else Exit.FINDINGS)


def _day(given: datetime | None) -> date:
    return given.date() if given else (datetime.now(UTC) - timedelta(days=1)).date()


def _require_packages() -> None:
    missing = [name for name in NEEDED if not _is_installed(name)]
    if missing:
        raise PluginError("demo", f"needs {', '.join(missing)}: pip install {' '.join(missing)}")


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _prepare(folder: Path) -> Path:
    """An empty folder: a new one, an empty one, or the one of an earlier demo.

    Raises:
        ConfigError: it holds something else, which is left alone.
    """
    home = folder.resolve()
    if home.is_dir() and (content := {each.name for each in home.iterdir()}):
        config = home / FILE
        if not config.is_file() or not config.read_text("utf-8").startswith(MARK) or content - MADE:
            found = "files that no demo made"
            raise ConfigError(str(home), "folder", found, "an empty or new folder: name one with --keep")
        for name in content:
            _remove(home / name)
    return home


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _simulated(session: Session, home: Path, seed: int, day: date, events: int) -> Report:
    from mantissa_core.simulate import simulate, write

    from .demo_report import Report

    report = Report(home, seed=seed, day=day)
    with report.timed("simulate"), progress(session, "Simulating a day"):
        scenario = simulate(seed, day, events=events)
        written = write(scenario, home / LOGS)
    total = sum(map(len, scenario.events.values()))
    folders = {"cloudtrail": written.cloudtrail, "okta": written.okta}
    write_config(home, CONFIG + SOURCES.format(**{k: v.relative_to(home).as_posix() for k, v in folders.items()}))
    with session.runtime() as runtime:
        with report.timed("store"), progress(session, "Storing", total) as advance:
            for collected in runtime.collect():
                report.count(collected.label, collected.ingested)
                advance(report.rows)
        _analyse(session, runtime, report)
        report.judge(runtime, written.truth)
    return report


def _examples(session: Session, home: Path, seed: int, day: date, events: int, names: tuple[str, ...]) -> Report:
    """A day of the sources that were named, stored through the program's own door: decoders have nothing to undo."""
    from mantissa_core.simulate import write_examples

    from .demo_report import Report

    report = Report(home, seed=seed, day=day)
    write_config(home, CONFIG)
    with session.runtime() as runtime:
        chosen = _named(runtime.log_types, names)
        count = max(1, events // len(chosen))
        with report.timed("simulate"), progress(session, "Simulating a day"):
            files = {
                each.name: write_examples(each, seed, day, count, home / LOGS, _detected(runtime, each))
                for each in chosen
            }
        with report.timed("store"), progress(session, "Storing", count * len(chosen)) as advance:
            for name, file in files.items():
                report.count(name, runtime.ingest(name, file.read_bytes().splitlines(), source="simulated"))
                advance(report.rows)
        _analyse(session, runtime, report)
        report.judge(runtime, None)
    return report


def _detected(runtime: Runtime, log_type: LogType) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a rule that alerts matches an event: examples show attacks, too, which are rare on an ordinary day."""
    from mantissa_core.detect.match.evaluate import evaluate
    from mantissa_core.detect.match.route import log_types_of
    from mantissa_core.model import Severity

    loud = [each for each in runtime.rules.rules if each.severity.rank >= Severity.LOW.rank]
    rules = [each for each in loud if log_types_of(each, [log_type])]
    return lambda event: any(evaluate(rule, event, log_type) for rule in rules)


def _named(log_types: Iterable[LogType], names: tuple[str, ...]) -> list[LogType]:
    """The log types that are meant by a name, a vendor or a product, of those that have examples.

    Raises:
        BadParameter: a name means none.
    """
    able = [each for each in log_types if each.examples]
    words = {each.name: {each.name, each.table, each.vendor, each.product.lower(), ALL} for each in able}
    for name in names:
        if not any(name.lower() in each for each in words.values()):
            known = ", ".join(sorted({each.product or each.vendor for each in able}))
            raise click.BadParameter(f"no installed source is called {name!r} (known: {known})", param_hint="--source")
    return [each for each in able if words[each.name] & {name.lower() for name in names}]


def _real(session: Session, home: Path, path: Path) -> Report:
    from .demo_report import Report
    from .ingest import ingest

    report = Report(home, source=path.resolve())
    write_config(home, CONFIG)
    with session.runtime() as runtime:
        with report.timed("store"):
            intake = ingest(session, runtime, path, None)
        for name, counts in intake.counts.items():
            report.count(name, counts)
        report.skipped = intake.skipped
        _analyse(session, runtime, report)
        report.judge(runtime, None)
    return report


def _analyse(session: Session, runtime: Runtime, report: Report) -> None:
    with report.timed("detect"), progress(session, "Evaluating rules"):
        report.signals = len(runtime.detect().signals)
        report.rules = len(runtime.rules.rules)
    with report.timed("deliver"):
        report.deliveries = runtime.deliver()
