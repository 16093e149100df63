"""Every error that Mantissa Log raises, named by what happens next.

.. code-block:: text

    MantissaError
    ├── ConfigError       the operator edits the file and key that it names
    ├── PluginError       the label is quarantined, the rest goes on
    ├── Retry             the runtime tries again, after ``after`` seconds where the source said so
    │   ├── Incomplete    the source cannot give so long a window: the runtime asks for shorter ones
    │   └── Unusable      a language model answered, but not what was asked for
    ├── NeedsOperator     no retry helps: credentials, permissions, a setting at the vendor
    ├── BadRecord         this record goes to the dead letters, the batch goes on
    ├── LogTypeError      the log type is not loaded; the author mends the YAML
    ├── RuleError         the rule is not loaded; the author mends the YAML
    ├── QueryError        the query is refused or failed; the user changes it
    ├── LakeError         the lake cannot be used as it is
    │   └── Fenced        another writer owns this stream; this one stops
    ├── StateError        the state store cannot do what was asked
    │   └── Conflict      a document changed since it was read; read again and decide again
    └── SecretError       a secret is missing, unreadable, or its store refuses to change it

A plugin raises ``Retry``, ``NeedsOperator``, ``BadRecord`` or one of its kind's own errors. Anything else
is a bug in the plugin and is reported with its label, distribution and version.
"""

from __future__ import annotations

__all__ = [
    "BadRecord",
    "ConfigError",
    "Conflict",
    "Fenced",
    "Incomplete",
    "LakeError",
    "LogTypeError",
    "MantissaError",
    "NeedsOperator",
    "PluginError",
    "QueryError",
    "Retry",
    "RuleError",
    "SecretError",
    "StateError",
    "Unusable",
]


class MantissaError(Exception):
    """The root: catch this to catch everything that is not a bug."""


class ConfigError(MantissaError):
    """A setting cannot be used.

    ``where`` names the file (or ``environment``), ``key`` the dotted key, ``found`` what stands there and
    ``expected`` what would be right. ``found`` never holds a secret's value.
    """

    def __init__(self, where: str, key: str, found: str, expected: str) -> None:
        super().__init__(f"{where}: {key}: found {found}, expected {expected}")
        self.where, self.key, self.found, self.expected = where, key, found, expected


class PluginError(MantissaError):
    """A plugin could not be loaded, configured or called. ``label`` says which, ``reason`` why."""

    def __init__(self, label: str, reason: str) -> None:
        super().__init__(f"{label}: {reason}")
        self.label, self.reason = label, reason


class Retry(MantissaError):
    """Try again later. ``after`` is in seconds; ``None`` leaves it to the runtime's back-off."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Incomplete(Retry):
    """The source has more in this window than it gives away; nothing of it counts as read. Ask for less at a time."""


class Unusable(Retry):
    """A language model's answer is cut short (``truncated``), a refusal (``declined``) or no data (``malformed``).

    ``input_tokens`` and ``output_tokens`` are spent all the same.
    """

    def __init__(self, message: str, why: str, input_tokens: int = 0, output_tokens: int = 0) -> None:
        super().__init__(message)
        self.why, self.input_tokens, self.output_tokens = why, input_tokens, output_tokens


class NeedsOperator(MantissaError):
    """A person must act first; the message says what to do."""


class BadRecord(MantissaError):
    """One record is unusable. It becomes a dead letter with this reason; its neighbours are kept."""


class LogTypeError(MantissaError):
    """A log type's definition is wrong; the message names the file and the key."""


class RuleError(MantissaError):
    """A rule cannot be compiled; the message names the file and what to change."""


class QueryError(MantissaError):
    """A query was refused, failed, ran out of time or was cancelled."""


class QueryTooLarge(QueryError):
    """The engine's compiler finds the statement too large or too complex; the same in parts may run."""


class LakeError(MantissaError):
    """The lake's folder, a table or a file in it is not as it must be."""


class Fenced(LakeError):
    """Another process writes this stream; what this one staged was not committed."""


class StateError(MantissaError):
    """The state store refused: a limit, a broken file, a file system that cannot lock."""


class Conflict(StateError):
    """A document's version is not the expected one: somebody else wrote it first."""


class SecretError(MantissaError):
    """A secret cannot be read or written. Names the secret, never its value."""
