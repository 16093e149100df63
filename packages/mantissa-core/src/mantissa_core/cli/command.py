"""What all commands share: global options, which may stand before or behind the command's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from .session import Session

LEVELS = ("debug", "info", "warning", "error")


def _store(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Keep a global option in the session; the one nearest to the command wins."""
    session = ctx.ensure_object(Session)
    if value is not None and value is not False:
        setattr(session, str(param.name), value)
    return value


def shared_options(*, root: bool) -> list[click.Option]:
    """The global options: shown and read from the environment at the root, accepted by every command."""
    shared: dict[str, Any] = {"callback": _store, "expose_value": False, "is_eager": True}
    return [
        click.Option(
            ["-C", "--home"],
            help="Folder of mantissa.toml, or the file. Default: the nearest one at or above the current folder.",
            metavar="PATH",
            envvar="MANTISSA_HOME" if root else None,
            show_envvar=root,
            hidden=not root,
            **shared,
        ),
        click.Option(["--json"], is_flag=True, help="Print JSON, for programs.", **shared),
        click.Option(["-q", "--quiet"], is_flag=True, help="No progress, no hints.", hidden=not root, **shared),
        click.Option(
            ["--log-level"],
            type=click.Choice(LEVELS),
            help="Least level of the log on standard error; 'debug' adds tracebacks.",
            hidden=not root,
            **shared,
        ),
        click.Option(
            ["--strict"],
            is_flag=True,
            help="Exit with 1 when a plugin is in quarantine or a rule or log type is broken.",
            hidden=not root,
            **shared,
        ),
    ]


class Command(click.Command):
    """A command that takes the global options behind its name too; its help page shows ``--json`` alone."""

    def __init__(self, name: str | None, *, params: Sequence[click.Parameter] | None = None, **kwargs: Any) -> None:
        super().__init__(name, params=[*(params or ()), *shared_options(root=False)], **kwargs)


class Group(click.Group):
    """A group of such commands (``mantissa alerts list``)."""

    command_class = Command


pass_session = click.make_pass_decorator(Session, ensure=True)

__all__ = ["Command", "Group", "Session", "pass_session", "shared_options"]
