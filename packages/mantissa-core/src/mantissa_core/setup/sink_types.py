"""Which sinks there are, and which of them a short name means."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Collection
from dataclasses import dataclass
from itertools import count

from mantissa_core import catalog
from mantissa_core.errors import ConfigError, PluginError
from mantissa_core.hookspecs import AlertSink


@dataclass(frozen=True, slots=True)
class SinkType:
    """An installed sink, and in a sentence what it does."""

    name: str
    about: str


def sink_types() -> list[SinkType]:
    """Every installed sink; of one that cannot be imported, the reason."""
    return [SinkType(each.name, _about(each.name)) for each in catalog.installed(AlertSink.group)]


def matching(text: str) -> list[SinkType]:
    """The sinks that a name means: the one of that name, or those that it begins, or whose last part it is.

    Raises:
        ConfigError: there is none; it names what comes close.
    """
    names = [each.name for each in catalog.installed(AlertSink.group)]
    wanted = text.strip().lower()
    for found in (
        [name for name in names if name in (wanted, f"core.{wanted}")],
        [name for name in names if name.split(".")[0] == wanted],
        [name for name in names if name.startswith(wanted) or name.split(".")[-1] == wanted],
    ):
        if wanted and found:
            return [SinkType(name, _about(name)) for name in found]
    close = difflib.get_close_matches(wanted, [*names, *(each.split(".")[0] for each in names)], 1)
    expected = f"{close[0]!r}?" if close else f"one of {', '.join(names)}, or a package that brings it"
    raise ConfigError("answer", "type", repr(text[:60]), expected)


def new_label(sink_type: str, taken: Collection[str]) -> str:
    """A label for a new sink: ``slack`` for ``slack.bot``, ``webhook`` for ``core.webhook``; then ``slack-2``."""
    first, _, rest = sink_type.partition(".")
    base = (rest if first == "core" else first).replace("_", "-")
    candidates = (base if number == 1 else f"{base}-{number}" for number in count(1))
    return next(each for each in candidates if each not in taken)


def _about(name: str) -> str:
    try:
        text = inspect.getdoc(catalog.load(AlertSink.group, name)) or ""
    except PluginError as error:
        return error.reason
    return text.partition("\n\n")[0].replace("\n", " ").replace("``", "")
