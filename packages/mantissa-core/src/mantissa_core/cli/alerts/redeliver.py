"""``mantissa alerts redeliver``: what was given up, once more."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import plural, print_json, say


@click.command("redeliver", cls=Command)
@click.argument("destination", metavar="[SINK]", required=False)
@pass_session
def redeliver(session: Session, destination: str | None) -> None:
    """Try again what was given up, for one SINK or for all.

    A message is given up when the destination refuses it, or after four attempts; it can be had back for 14 days.
    """
    with session.runtime() as runtime:
        tried = runtime.outbox.redrive(destination)
        delivered = runtime.deliver()
    if session.json:
        print_json({"tried": tried, "delivered": delivered})
    else:
        say(f"{plural(tried, 'message')} tried again, {delivered} delivered.")
