"""Commands that modules of the instance add under ``mantissa``."""

from __future__ import annotations

from contextlib import suppress

import click

from mantissa_core.errors import ConfigError

from .command import Session


def module_command(session: Session, name: str) -> click.Command | None:
    """The command of that name of a configured module, ready to run; ``None`` where no module has it."""
    with suppress(ConfigError):  # without an instance there are no modules: the name is simply unknown
        settings, _ = session.settings()
        if settings.modules:
            return _find(session, name)
    return None


def _find(session: Session, name: str) -> click.Command | None:
    from mantissa_core.hookspecs import Module

    with session.runtime() as runtime:
        for module in runtime.plugins(Module).values():
            for each in module.commands():
                if each.name == name:
                    return _wrapped(session, name, each.help)
    return None


def _wrapped(session: Session, name: str, line: str) -> click.Command:
    @click.pass_context
    def run(ctx: click.Context, words: tuple[str, ...]) -> None:
        from mantissa_core.hookspecs import Module

        with session.runtime() as runtime:
            for module in runtime.plugins(Module).values():
                for each in module.commands():
                    if each.name == name:
                        ctx.exit(each.run(runtime, words))

    words = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)
    settings = {"ignore_unknown_options": True, "allow_interspersed_args": False}
    return click.Command(name, callback=run, params=[words], help=line, context_settings=settings)
