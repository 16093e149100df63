"""From a table of settings to a plugin's validated ``Config``: references resolved, errors that name their place."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from .errors import ConfigError

M = TypeVar("M", bound=BaseModel)

SecretSource = Callable[[str], str | None]
"""Looks a secret up by name; ``None`` where there is none."""


def configure(
    model: type[M], settings: Mapping[str, Any], secrets: SecretSource | None, where: str, key: str
) -> tuple[M, set[str]]:
    """Validate ``settings`` as ``model`` and return it with the secret values it holds.

    A field of type ``SecretStr`` takes a reference only: ``secret://name`` or ``env:NAME``. Any text may be
    ``env:NAME``. A field that declares ``json_schema_extra={"env": "NAME"}`` falls back to that variable. A
    relative path is relative to the folder of ``where``.

    Raises:
        ConfigError: names ``where``, the dotted key, what was found (never a secret) and what was expected.
    """
    values = dict(settings)
    hidden: set[str] = set()
    for name, field in model.model_fields.items():
        variable = _variable(field)
        if name not in values and variable and os.environ.get(variable):
            values[name] = f"env:{variable}"
        if name in values:
            values[name] = _resolve(values[name], _is_secret(field.annotation), secrets, where, f"{key}.{name}", hidden)
    config = validate(model, values, where, key)
    return _anchored(config, where), hidden


def validate(model: type[M], values: Mapping[str, Any], where: str, key: str = "") -> M:
    """Validate without resolving references; the first problem becomes a :class:`ConfigError`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in (*([key] if key else []), *first["loc"]))
        raise ConfigError(where, path, _found(first), _expected(model, first)) from None


def _found(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "missing":
        return "nothing"
    if problem["type"] == "extra_forbidden":
        return "an unknown key"
    value = problem["input"]
    return repr(value) if isinstance(value, (bool, int, float)) else f"{type(value).__name__} {_shortened(value)}"


def _shortened(value: object) -> str:
    text = "***" if isinstance(value, SecretStr) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _expected(model: type[BaseModel], problem: Mapping[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        known = list(_model_at(model, problem["loc"][:-1]).model_fields)
        close = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        return f"{close[0]!r}?" if close else f"one of {', '.join(known)}"
    message = str(problem["msg"])
    return message.removeprefix("Value error, ").removeprefix("Input should be ")


def _model_at(model: type[BaseModel], location: tuple[str | int, ...]) -> type[BaseModel]:
    for part in location:
        field = model.model_fields.get(str(part))
        inner = [each for each in _types(field.annotation if field else None) if issubclass(each, BaseModel)]
        model = inner[0] if inner else model
    return model


def _types(annotation: Any) -> list[type]:
    if get_origin(annotation) is None:
        return [annotation] if isinstance(annotation, type) else []
    return [found for each in get_args(annotation) for found in _types(each)]


def _is_secret(annotation: Any) -> bool:
    return any(issubclass(each, SecretStr) for each in _types(annotation))


def _variable(field: FieldInfo) -> str | None:
    extra = field.json_schema_extra
    name = extra.get("env") if isinstance(extra, dict) else None
    return name if isinstance(name, str) else None


def _resolve(value: Any, secret: bool, secrets: SecretSource | None, where: str, key: str, hidden: set[str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _resolve(each, secret, secrets, where, f"{key}.{name}", hidden) for name, each in value.items()}
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        found = os.environ.get(value[4:])
        if found is None:
            raise ConfigError(where, key, f"{value}, which is not set", "an environment variable that is set")
    elif value.startswith("secret://"):
        found = secrets(value[9:]) if secrets else None
        if found is None:
            raise ConfigError(where, key, f"{value}, which is not stored", f"'mantissa secrets set {value[9:]}' first")
    elif secret:
        raise ConfigError(where, key, "a literal value", "a reference: secret://name or env:NAME")
    else:
        return value
    if secret or value.startswith("secret://"):
        hidden.add(found)
    return found


def _anchored(config: M, where: str) -> M:
    """Make relative paths absolute: a service does not run where its configuration lies."""
    folder = Path(where).parent
    changed = {
        name: folder / value
        for name in type(config).model_fields
        if isinstance(value := getattr(config, name), Path) and not value.is_absolute()
    }
    return config.model_copy(update=changed) if changed and folder.is_absolute() else config
