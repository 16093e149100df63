"""A sink as it would be saved: its section of ``mantissa.toml``, and the secrets that the section refers to."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pydantic import BaseModel

from mantissa_core import catalog
from mantissa_core.errors import ConfigError
from mantissa_core.hookspecs import AlertSink
from mantissa_core.references import STORED, element_of, holds_secret, is_reference, models_in

from .question import SEVERITIES

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_LONGEST = 128


@dataclass(frozen=True, slots=True)
class Draft:
    """``settings`` are the plugin's, each credential as a reference; ``secrets`` the values by name, never shown."""

    plugin: str
    label: str
    settings: Mapping[str, Any]
    severities: tuple[str, ...] | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def section(self) -> dict[str, Any]:
        """What ``[sinks.<label>]`` holds."""
        chosen = {} if self.severities is None else {SEVERITIES: list(self.severities)}
        return {"plugin": self.plugin, **self.settings, **chosen}

    def hide(self, text: str) -> str:
        """The text without the values of the secrets."""
        for value in sorted(filter(None, self.secrets.values()), key=len, reverse=True):
            text = text.replace(value, "***")
        return text


def draft(sink_type: str, label: str, answers: Mapping[str, Any], taken: Collection[str] = ()) -> Draft:
    """Take the credentials out of ``answers``: each gets a name of its own that is not ``taken``.

    A credential may be a reference already (``env:NAME``, ``secret://name``); then it stays one.

    Raises:
        ConfigError: the label cannot be one.
        PluginError: no such sink is installed.
    """
    if not LABEL.fullmatch(label):
        expected = "1 to 64 letters, digits, '-' and '_', a letter or digit first"
        raise ConfigError("answer", "label", repr(label[:80]), expected)
    model = catalog.load(AlertSink.group, sink_type).Config
    own = {name: value for name, value in answers.items() if name != SEVERITIES and value is not None}
    names = _Names(label, taken)
    ordered = sorted(own, key=lambda name: [*model.model_fields, name].index(name))
    settings = {name: _referred(own[name], _annotation(model, name), (name,), names) for name in ordered}
    chosen = answers.get(SEVERITIES)
    return Draft(sink_type, label, settings, None if chosen is None else tuple(chosen), names.values)


class _Names:
    """Gives secrets their names, ``sinks/<label>/<setting>``."""

    def __init__(self, label: str, taken: Collection[str]) -> None:
        self._label, self._taken = label, taken
        self.values: dict[str, str] = {}

    def keep(self, place: tuple[str, ...], value: str) -> str:
        """The reference that stands for ``value``."""
        plain = (re.sub(r"[^A-Za-z0-9._-]+", "-", part) for part in place)
        base = "/".join(("sinks", self._label, *plain))[: _LONGEST - 4]
        name = next(each for each in self._candidates(base) if each not in self._taken and each not in self.values)
        self.values[name] = value
        return f"{STORED}{name}"

    @staticmethod
    def _candidates(base: str) -> Any:
        yield base
        yield from (f"{base}-{number}" for number in count(2))


def _annotation(model: type[BaseModel], name: str) -> Any:
    known = model.model_fields.get(name)
    return known.annotation if known else None


def _referred(value: Any, annotation: Any, place: tuple[str, ...], names: _Names) -> Any:
    if isinstance(value, Mapping):
        inner = models_in(annotation)
        element = element_of(annotation)
        return {
            key: _referred(
                each, _annotation(inner[0], key) if inner and element is None else element, (*place, key), names
            )
            for key, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_referred(each, annotation, (*place, str(at)), names) for at, each in enumerate(value, 1)]
    if isinstance(value, str) and holds_secret(annotation) and not is_reference(value):
        return names.keep(place, value)
    return value
