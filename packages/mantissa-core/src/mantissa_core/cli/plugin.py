"""``mantissa plugin``: the beginning of a plugin of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from .command import Group, Session, pass_session
from .output import print_json, say


@click.group("plugin", cls=Group)
def command() -> None:
    """Start a plugin of your own."""


@command.command("new")
@click.argument("kind")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="The package's folder. Default: mantissa-VENDOR in the current one.",
)
@pass_session
def new(session: Session, kind: str, name: str, into: Path | None) -> None:
    """Write an installable package with a plugin of KIND called NAME, and tests that pass.

    KIND is collector, receiver, parser, query-backend, llm-provider, alert-sink, response-action, enricher,
    state-store, secret-store, module or policy; NAME is vendor.thing, as in 'mantissa plugin new collector
    acme.audit'.
    """
    from mantissa_core.scaffold import create

    target = into or Path(f"mantissa-{name.split('.', maxsplit=1)[0].replace('_', '-')}")
    written = create(kind, name, target)
    if session.json:
        print_json({"folder": target, "files": written})
        return
    for path in written:
        say(f"  {path}")
    say(f"Wrote {len(written)} files. Next: pip install -e '{target}[dev]' && pytest {target}")
