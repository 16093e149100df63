"""The kinds of plugin as people type them."""

from __future__ import annotations

from mantissa_core.errors import ConfigError

KINDS = (
    "collector",
    "receiver",
    "parser",
    "query-backend",
    "llm-provider",
    "alert-sink",
    "response-action",
    "enricher",
    "state-store",
    "secret-store",
    "module",
    "policy",
)
"""Every kind, in the order of the pipeline; a template's folder has the same name."""

_SHORT = {
    "decoder": "parser",
    "backend": "query-backend",
    "llm": "llm-provider",
    "sink": "alert-sink",
    "action": "response-action",
    "state": "state-store",
    "secret": "secret-store",
}


def find(text: str) -> str:
    """The kind that ``text`` names: with hyphens or underscores, or in short.

    Raises:
        ConfigError: it names none.
    """
    kind = text.lower().replace("_", "-")
    kind = _SHORT.get(kind, kind)
    if kind not in KINDS:
        raise ConfigError("command line", "KIND", repr(text), f"one of {', '.join(KINDS)}")
    return kind
