"""The root of the command line: its options, its commands, and what becomes of an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from .command import shared_options
from .failure import report
from .lazy import LazyGroup

SECTIONS = {
    "Start": {
        "demo": "Watch it work: a day of logs, four attacks, the alerts.",
        "init": "Write a commented mantissa.toml.",
        "doctor": "Check configuration, stores, lake, plugins and rules.",
    },
    "Run the pipeline": {
        "run": "Collect, detect, deliver and maintain until stopped.",
        "serve": "Answer the HTTP API until stopped.",
        "mcp": "Let an AI assistant look into it, read-only.",
        "ingest": "Store log files.",
        "collect": "Collect once; coverage, gaps and backfill.",
        "detect": "Evaluate the rules on what is new.",
    },
    "Look into it": {
        "alerts": "List, show and judge alerts, and deliver them again.",
        "ask": "Answer questions in plain English from the lake.",
        "query": "Run SQL over the lake.",
        "models": "Language models: what they cost, try one, stop and resume them.",
        "schema": "What may be asked about, and by which words.",
        "questions": "List, run and delete saved questions.",
        "conversations": "List, show and delete your conversations.",
        "routes": "Which alerts go where, and why.",
        "rules": "List, test, tune and import detection rules.",
        "schedules": "Run rules at times.",
    },
    "Look after it": {
        "sources": "List, test and describe sources; what drifts.",
        "sinks": "Set up, test, remove destinations of alerts; show how they are.",
        "lake": "Size, compaction, retention and verification of the lake.",
        "dead-letter": "Records that could not be parsed.",
        "secrets": "Store credentials.",
        "tokens": "Create, list and revoke tokens for the API.",
        "audit": "Who changed and asked what.",
        "backup": "Save state, configuration and the lake's log.",
        "restore": "Continue from a backup.",
    },
    "Extend it": {
        "plugins": "List and check installed plugins.",
        "plugin": "Start a plugin of your own.",
        "completion": "Print the completion script of a shell.",
        "version": "Print versions.",
    },
}


class Root(LazyGroup):
    """The root group. Commands that it does not know may be those of the instance's modules."""

    def __init__(self, name: str | None, *, params: Sequence[click.Parameter] | None = None, **kwargs: Any) -> None:
        super().__init__(name, params=[*(params or ()), *shared_options(root=True)], **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error becomes one readable line and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, BrokenPipeError):
            raise
        except click.ClickException as error:
            if ctx.obj is None or not ctx.obj.json:
                raise  # click shows the usage with it
            code = report(error, ctx.obj)
        except (Exception, KeyboardInterrupt, click.Abort) as error:  # noqa: BLE001  # the end of the program
            code = report(error, ctx.obj)
        # Outside of the handler: an exit that carries the error along keeps its frames, and all that they hold,
        # alive into the interpreter's end, where native libraries complain about it.
        return ctx.exit(code)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; one that is not ours may belong to a module of the instance."""
        found = super().get_command(ctx, cmd_name)
        if found is None and ctx.obj is not None:
            from .module_command import module_command

            found = module_command(ctx.obj, cmd_name)
        return found


@click.group(
    cls=Root,
    package="mantissa_core.cli",
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Manual of each command: docs/commands/. Exit codes: docs/commands/index.md.",
)
def cli() -> None:
    """Mantissa Log: separate the signal from the noise.

    Try 'mantissa demo': it needs nothing and takes less than a minute.
    """
