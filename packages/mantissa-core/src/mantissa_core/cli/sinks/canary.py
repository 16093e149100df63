"""``mantissa sinks canary``."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.exit_codes import Exit
from mantissa_core.cli.output import number, print_json, say, table

STYLES = {"arrived": "green", "missing": "bold red"}


@click.command("canary", cls=Command)
@click.option(
    "--within",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for it.",
)
@pass_session
@click.pass_context
def run_canary(ctx: click.Context, session: Session, within: float) -> None:
    """Send a test event through everything, and show where its alert arrived after how many milliseconds.

    The event is stored, found by a built-in rule and becomes an alert of severity informational that says that it is a
    test; it goes to every destination without 'canary = false' and resolves itself. Exit code 1 where it did not arrive
    somewhere.
    """
    from mantissa_core.canaries import run

    with session.runtime() as runtime:
        canary = run(runtime, within)
    if session.json:
        print_json({**{name: getattr(canary, name) for name in ("id", "alert", "sent", "arrived", "missing")}})
    elif not canary.destinations:
        say("No destination takes tests: add [sinks.<label>] to mantissa.toml, without 'canary = false'.")
    else:
        rows = [
            (label, "arrived", number(canary.arrived[label])) if label in canary.arrived else (label, "missing", "")
            for label in canary.destinations
        ]
        table(["LABEL", "TEST", "MILLISECONDS"], rows, right=["MILLISECONDS"], fixed=["TEST"], styles=STYLES)
        if not canary.alerted:
            say("\nThe event did not become an alert: 'mantissa doctor' shows how far detection is.")
    ctx.exit(Exit.FINDINGS if canary.missing else Exit.OK)
