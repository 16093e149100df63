"""``mantissa restore``: the instance that a backup was made of."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from .command import Command, Session, pass_session
from .exit_codes import Exit
from .output import plural, print_json, say
from .progress import progress

SHOWN = 3


@click.command("restore", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_session
@click.pass_context
def command(ctx: click.Context, session: Session, file: Path) -> None:
    """Make the folder given by -C (default: the current one) the instance that FILE was made of.

    The folder may hold the lake's data files already, and nothing else of an instance: nothing is overwritten.
    Exit code 1 where data files are missing: copy them to their place and run 'mantissa lake verify'.
    """
    from mantissa_core.restore import restore

    with progress(session, "Restoring"):
        done = restore(file, Path(session.home or "."))
    if session.json:
        print_json({**asdict(done), "missing": list(done.missing)})
    else:
        say(f"Restored the instance of {done.manifest.created}: {plural(done.files, 'file')}.")
        for each in done.manifest.absent:
            say(f"  not in the backup: {each}")
        for each in done.missing[:SHOWN]:
            say(f"  missing: {each}")
        if done.missing:
            count = plural(len(done.missing), "data file is", "data files are")
            say(f"{count} missing: copy them to their place, then run '{session.command} lake verify'.")
        else:
            say(f"Every data file is there. Next: {session.command} doctor")
    ctx.exit(Exit.FINDINGS if done.missing else Exit.OK)
