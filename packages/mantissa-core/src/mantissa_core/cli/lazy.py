"""Groups whose commands are imported when they are used: ``mantissa --help`` reads a table and imports none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

Sections = Mapping[str, Mapping[str, str]]
"""Heading → command name → one line of help."""


class LazyGroup(click.Group):
    """A group whose command ``some-name`` is the attribute ``command`` of the module ``<package>.some_name``."""

    def __init__(self, name: str | None, *, package: str, sections: Sections, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._package, self._sections = package, sections
        self._lines = {name: line for section in sections.values() for name, line in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name, in the order of the help page."""
        return list(self._lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self._lines:
            return None
        command = import_module(f"{self._package}.{cmd_name.replace('-', '_')}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name}: its module's 'command' is no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help page's lists from the table."""
        width = max(map(len, self._lines))
        for heading, lines in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), line) for name, line in lines.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names of commands from the table, and options as click does."""
        found = _starting(self._lines.items(), incomplete)
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


def _starting(lines: Iterable[tuple[str, str]], text: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=line) for name, line in lines if name.startswith(text)]
