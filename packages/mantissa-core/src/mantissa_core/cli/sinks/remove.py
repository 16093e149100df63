"""``mantissa sinks remove``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import plural, print_json, say

if TYPE_CHECKING:
    from pathlib import Path

    from mantissa_core.runtime import Runtime


@click.command("remove", cls=Command)
@click.argument("label")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
@click.pass_context
def remove_sink(ctx: click.Context, session: Session, label: str, yes: bool) -> None:
    """Take LABEL out of mantissa.toml, and forget the secrets that were stored for it alone."""
    from mantissa_core.setup.save import remove

    path = session.find()
    with session.runtime() as runtime:
        warnings = _warnings(runtime, path, label)
        for each in () if session.json else warnings:
            say(each, err=True)
        if not yes:
            if not sys.stdin.isatty():
                raise click.UsageError("nobody can be asked: add --yes")
            if not click.confirm(f"Remove {label}?", err=True):
                ctx.exit(Exit.FINDINGS)
        gone = remove(runtime, path, label)
    if session.json:
        print_json({"label": label, "secrets": gone.secrets, "kept": gone.kept, "warnings": warnings})
        return
    say(f"Removed {label}." + (f" Forgot {', '.join(gone.secrets)}." if gone.secrets else ""))
    if gone.kept:
        say(f"Still stored: {', '.join(gone.kept)}.")


def _warnings(runtime: Runtime, path: Path, label: str) -> list[str]:
    from mantissa_core.setup.toml_file import TomlFile, names_sink

    named = names_sink(TomlFile(path).values(), label)
    waiting = sum(each.destination == label for each in runtime.outbox.waiting())
    return [
        *([f"It is still named by {', '.join(named)}."] if named else []),
        *([f"{plural(waiting, 'message')} to it will be given up."] if waiting else []),
    ]
