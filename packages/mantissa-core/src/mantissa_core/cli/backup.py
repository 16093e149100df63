"""``mantissa backup``: one archive of everything that a new machine needs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from .command import Command, Session, pass_session
from .output import plural, print_json, say, size
from .progress import progress


@click.command("backup", cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--with-key", is_flag=True, help="Add the key of the secrets: who has FILE then has the credentials.")
@click.option("--with-data", is_flag=True, help="Add the data files of a local lake.")
@click.option("--force", is_flag=True, help="Replace FILE.")
@pass_session
def command(session: Session, file: Path, with_key: bool, with_data: bool, force: bool) -> None:
    """Save configuration, state, encrypted secrets and the lake's log to FILE (a .tar.gz), while it runs.

    The lake's data files never change, so any copying tool saves them; --with-data adds them to FILE. Without
    --with-key the secrets in FILE are of no use to a thief, nor to you unless you keep secrets.key somewhere else.
    """
    from mantissa_core.backup import back_up

    with session.runtime() as runtime, progress(session, "Saving"):
        manifest = back_up(runtime, file, with_key=with_key, with_data=with_data, force=force)
    if session.json:
        print_json({**asdict(manifest), "file": file, "bytes": file.stat().st_size})
        return
    say(f"Saved {plural(len(manifest.tables), 'table')} and the state to {file} ({size(file.stat().st_size)}).")
    for each in manifest.absent:
        say(f"  not in it: {each}")
    if not session.quiet:
        say(f"To continue from it: mantissa -C NEW_FOLDER restore {file}")
