"""What the exit code of ``mantissa`` says. Reference: ``docs/commands/index.md``."""

from __future__ import annotations

from enum import IntEnum

import click

from mantissa_core.errors import (
    ConfigError,
    Conflict,
    Fenced,
    LakeError,
    LogTypeError,
    MantissaError,
    NeedsOperator,
    PluginError,
    QueryError,
    Retry,
    RuleError,
    SecretError,
    StateError,
)


class Exit(IntEnum):
    """Exit codes, for scripts."""

    OK = 0
    """Done."""
    FINDINGS = 1
    """Done, and something needs a look: a test failed, a check found a problem, a part was left out."""
    USAGE = 2
    """The command line, the configuration, a rule, a log type or a query is wrong; nothing was done."""
    OPERATOR = 3
    """A person must act: credentials, permissions, a plugin in quarantine, a lake or store that is not usable."""
    UNAVAILABLE = 4
    """Not now: the other side is down or throttles, another process holds the stream. Try again later."""
    BUG = 70
    """A bug in Mantissa Log."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C."""


def exit_code(error: BaseException) -> Exit:
    """The code that an error ends the command with."""
    for kinds, code in _BY_ERROR:
        if isinstance(error, kinds):
            return code
    return Exit.BUG


_BY_ERROR: tuple[tuple[tuple[type[BaseException], ...], Exit], ...] = (
    ((Retry, Conflict, Fenced), Exit.UNAVAILABLE),
    ((click.ClickException, ConfigError, QueryError, LogTypeError, RuleError), Exit.USAGE),
    ((NeedsOperator, PluginError, LakeError, StateError, SecretError, OSError), Exit.OPERATOR),
    ((MantissaError,), Exit.FINDINGS),
    ((KeyboardInterrupt, click.Abort), Exit.INTERRUPTED),
)
