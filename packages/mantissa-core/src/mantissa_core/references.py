"""References in settings: ``secret://name`` and ``env:NAME`` stand for what is kept elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr

from .errors import ConfigError
from .stored_secret import Secrets, StoredSecret

SecretSource = Callable[[str], str | None]
"""Looks a secret up by name; ``None`` where there is none."""

STORED, VARIABLE = "secret://", "env:"


class References:
    """Resolves references, and remembers what they stood for: ``found`` is all of it, ``hidden`` the secrets.

    ``where`` is the file that the references stand in, for errors.
    """

    def __init__(self, secrets: SecretSource | None, where: str) -> None:
        self._secrets, self._where = secrets, where
        self.found: set[str] = set()
        self.hidden: set[str] = set()

    def fields(self, values: Mapping[str, Any], model: type[BaseModel], key: str) -> dict[str, Any]:
        """The values of a model's fields. What is no field of it stays as it is: validation refuses it."""
        known = model.model_fields
        return {
            name: self.value(each, known[name].annotation, f"{key}.{name}") if name in known else each
            for name, each in values.items()
        }

    def value(self, value: Any, annotation: Any, key: str) -> Any:
        """The value of a field of this type, or of an element of it."""
        if isinstance(value, Mapping):
            if (element := element_of(annotation)) is not None:
                return {name: self.value(each, element, f"{key}.{name}") for name, each in value.items()}
            if inner := models_in(annotation):
                return self.fields(value, inner[0], key)
            return {name: self.value(each, annotation, f"{key}.{name}") for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(each, annotation, f"{key}.{index}") for index, each in enumerate(value)]
        if not isinstance(value, str):
            return value
        return self._stored(value, key) if _replaceable(annotation) else self.text(value, holds_secret(annotation), key)

    def _stored(self, value: str, key: str) -> StoredSecret:
        """A secret that the plugin may replace."""
        if not value.startswith(STORED):
            raise ConfigError(self._where, key, "another value", "secret://name: the vendor replaces it, it is stored")
        found = self.text(value, True, key)
        keeper = self._secrets if isinstance(self._secrets, Secrets) else None
        return StoredSecret(found, value.removeprefix(STORED), keeper)

    def text(self, value: str, secret: bool, key: str) -> str:
        """What the text stands for. Where it is a ``secret``, nothing but a reference is accepted.

        Raises:
            ConfigError: the reference leads nowhere, or a credential stands in the file.
        """
        if value.startswith(VARIABLE):
            found = os.environ.get(value.removeprefix(VARIABLE))
            if found is None:
                raise ConfigError(self._where, key, f"{value}, which is not set", "an environment variable that is set")
        elif value.startswith(STORED):
            name = value.removeprefix(STORED)
            found = self._secrets(name) if self._secrets else None
            if found is None:
                remedy = f"'mantissa secrets set {name}' first"
                raise ConfigError(self._where, key, f"{value}, which is not stored", remedy)
        elif secret:
            raise ConfigError(self._where, key, "a literal value", "a reference: secret://name or env:NAME")
        else:
            return value
        self.found.add(found)
        if secret or value.startswith(STORED):
            self.hidden.add(found)
        return found


def stored_names(value: Any) -> set[str]:
    """The names of the secrets that a setting, or an element of it, refers to."""
    if isinstance(value, str):
        return {value.removeprefix(STORED)} if value.startswith(STORED) else set()
    elements = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    return {name for each in elements for name in stored_names(each)}


def is_reference(value: object) -> bool:
    """Whether a value of a setting stands for another."""
    return isinstance(value, str) and value.startswith((STORED, VARIABLE))


def holds_secret(annotation: Any) -> bool:
    """Whether a field of this type, or an element of it, is a ``SecretStr``."""
    return any(issubclass(each, SecretStr) for each in _types(annotation))


def element_of(annotation: Any) -> Any | None:
    """What a mapping holds under the names that its author gives, ``None`` where the field is no mapping."""
    if isinstance(origin := get_origin(annotation), type) and issubclass(origin, Mapping):
        return get_args(annotation)[1]
    return None


def _replaceable(annotation: Any) -> bool:
    return any(issubclass(each, StoredSecret) for each in _types(annotation))


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that a field of this type may hold."""
    return [each for each in _types(annotation) if issubclass(each, BaseModel)]


def _types(annotation: Any) -> list[type]:
    if get_origin(annotation) is None:
        return [annotation] if isinstance(annotation, type) else []
    return [found for each in get_args(annotation) for found in _types(each)]
