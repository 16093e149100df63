"""``mantissa secrets``: credentials, stored where the configuration only refers to them."""

from __future__ import annotations

import sys

import click

from mantissa_core.errors import SecretError

from .command import Group, Session, pass_session
from .exit_codes import Exit
from .output import print_json, say, table


@click.group("secrets", cls=Group)
def command() -> None:
    """Store credentials. Configuration refers to them as secret://NAME.

    A value is typed at a prompt or piped in, never given as an argument: arguments are visible to every user of
    the machine and stay in the shell's history.
    """


@command.command("set")
@click.argument("name")
@pass_session
def set_secret(session: Session, name: str) -> None:
    """Store a value under NAME, read from a prompt or from standard input.

    One line break at the end of piped input is not part of the value.
    """
    value = _value(name)
    with session.runtime() as runtime:
        version = runtime.secrets.put_secret(name, value, None)
    if session.json:
        print_json({"name": name, "version": version})
    else:
        say(f"Stored {name}, version {version}. Refer to it as secret://{name}.")


def _value(name: str) -> str:
    if sys.stdin.isatty():
        value = str(click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True))
    else:
        value = sys.stdin.read()
        value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise SecretError(f"{name}: the value is empty; nothing was stored")
    return value


@command.command("list")
@pass_session
def list_secrets(session: Session) -> None:
    """List names and versions, never values."""
    with session.runtime() as runtime:
        found = dict(sorted(runtime.secrets.list_secrets().items()))
    if session.json:
        print_json([{"name": name, "version": version} for name, version in found.items()])
    elif found:
        table(["NAME", "VERSION"], found.items(), right=["VERSION"])
    else:
        say("No secrets are stored.")


@command.command("rm")
@click.argument("name")
@pass_session
@click.pass_context
def remove_secret(ctx: click.Context, session: Session, name: str) -> None:
    """Forget NAME. Exit code 1 where there is none."""
    with session.runtime() as runtime:
        removed = runtime.secrets.delete_secret(name)
    if session.json:
        print_json({"name": name, "removed": removed})
    else:
        say(f"Forgot {name}." if removed else f"There is no secret {name}.")
    ctx.exit(Exit.OK if removed else Exit.FINDINGS)
