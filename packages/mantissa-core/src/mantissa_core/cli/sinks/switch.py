"""``mantissa sinks enable`` and ``mantissa sinks disable``."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import print_json, say


@click.command("enable", cls=Command)
@click.argument("label")
@pass_session
def enable_sink(session: Session, label: str) -> None:
    """Let alerts go to LABEL again."""
    _switch(session, label, True)


@click.command("disable", cls=Command)
@click.argument("label")
@pass_session
def disable_sink(session: Session, label: str) -> None:
    """Keep LABEL in mantissa.toml, and send it nothing."""
    _switch(session, label, False)


def _switch(session: Session, label: str, enabled: bool) -> None:
    from mantissa_core.setup.save import switch

    with session.runtime() as runtime:
        switch(runtime, session.find(), label, enabled)
    if session.json:
        print_json({"label": label, "enabled": enabled})
    else:
        say(f"{'Enabled' if enabled else 'Disabled'} {label}.")
