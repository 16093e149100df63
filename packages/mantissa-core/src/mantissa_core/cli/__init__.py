"""The command ``mantissa``. Importing this package loads click and nothing else that takes time."""

from __future__ import annotations


def main() -> None:
    """The console script: run the command line of this process and exit with its code."""
    from .app import cli

    cli(prog_name="mantissa")
