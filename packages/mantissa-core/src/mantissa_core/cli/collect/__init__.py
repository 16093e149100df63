"""``mantissa collect``: one round of collection, what it covers, and filling gaps. One file for each subcommand."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Group

from .backfill import backfill_source
from .coverage import show_coverage
from .now import collect_now


class _CollectGroup(Group):
    """``mantissa collect [LABEL]`` is short for ``mantissa collect now [LABEL]``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``now`` where no subcommand is named."""
        words = [each for each in args if not each.startswith("-")]
        if not set(args) & {"-h", "--help"} and (not words or words[0] not in self.commands):
            args = ["now", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take what is no subcommand as a label."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["now", *args])


@click.group("collect", cls=_CollectGroup)
def command() -> None:
    """Collect from the configured sources, show what is covered, and fill gaps.

    'mantissa collect [LABEL]' is short for 'mantissa collect now [LABEL]'.
    """


for each in (collect_now, show_coverage, backfill_source):
    command.add_command(each)
