"""From a table of settings to a plugin's validated ``Config``: references resolved, errors that name their place."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError, create_model
from pydantic.fields import FieldInfo

from .errors import ConfigError
from .references import VARIABLE, References, SecretSource, holds_secret, is_reference, models_in

M = TypeVar("M", bound=BaseModel)

_ABSENT = object()


def configure(
    model: type[M], settings: Mapping[str, Any], secrets: SecretSource | None, where: str, key: str
) -> tuple[M, set[str]]:
    """Validate ``settings`` as ``model`` and return it with the secret values it holds.

    A field of type ``SecretStr`` takes a reference only: ``secret://name`` or ``env:NAME``. Any text may be
    ``env:NAME``. A field that declares ``json_schema_extra={"env": "NAME"}`` falls back to that variable, or to the
    first of several that is set (``{"env": ["NAME", "OTHER"]}``). A
    relative path is relative to the folder of ``where``.

    Raises:
        ConfigError: names ``where``, the dotted key, what was found and what was expected. It repeats what the
            settings say, never what a reference stands for.
    """
    written = dict(settings)
    for name, field in model.model_fields.items():
        given = next((each for each in variables(field) if os.environ.get(each)), None)
        if name not in written and given:
            written[name] = f"{VARIABLE}{given}"
    references = References(secrets, where)
    values = references.fields(written, model, key)
    config = _validated(model, values, written, references.found, where, key)
    return _anchored(config, where), references.hidden


def unfinished(model: type[M], settings: Mapping[str, Any]) -> type[M]:
    """The model with ``None`` for each required field that ``settings`` lack."""
    lacking: dict[str, Any] = {
        name: (Any, None)
        for name, field in model.model_fields.items()
        if field.is_required() and name not in settings and not any(map(os.environ.get, variables(field)))
    }
    return create_model(model.__name__, __base__=model, **lacking) if lacking else model


def validate(model: type[M], values: Mapping[str, Any], where: str, key: str = "") -> M:
    """Validate without resolving references; the first problem becomes a :class:`ConfigError`."""
    return _validated(model, values, values, (), where, key)


def _validated(
    model: type[M],
    values: Mapping[str, Any],
    written: Mapping[str, Any],
    resolved: Collection[str],
    where: str,
    key: str,
) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in (*([key] if key else []), *first["loc"]))
        expected = _masked(_expected(model, first), resolved)
        raise ConfigError(where, path, _found(model, first, written), expected) from None


def _masked(text: str, resolved: Collection[str]) -> str:
    """Without what references stood for: a plugin's own validator may repeat it."""
    for value in sorted(filter(None, resolved), key=len, reverse=True):
        text = text.replace(value, "***")
    return text


def _found(model: type[BaseModel], problem: Mapping[str, Any], written: Mapping[str, Any]) -> str:
    if problem["type"] == "missing":
        return "nothing"
    if problem["type"] == "extra_forbidden":
        return "an unknown key"
    value = _written_at(written, problem["loc"])
    if is_reference(value):
        return str(value)
    if isinstance(value, (Mapping, list, tuple)):
        return "a table" if isinstance(value, Mapping) else "a list"
    if value is _ABSENT or _in_secret(model, problem["loc"]):
        return f"a value of type {type(problem['input']).__name__}"
    return repr(value) if isinstance(value, (bool, int, float)) else f"{type(value).__name__} {_shortened(value)}"


def _written_at(written: Any, location: tuple[str | int, ...]) -> Any:
    """What the settings say at the place of a problem, which may have parts that only pydantic knows (a union's)."""
    for part in location:
        if isinstance(written, (Mapping, list, tuple)):
            try:
                written = written[part]  # type: ignore[index]  # the place says whether key or index
            except (KeyError, IndexError, TypeError):
                return _ABSENT
    return written


def _in_secret(model: type[BaseModel], location: tuple[str | int, ...]) -> bool:
    """Whether a field on the way to the place of a problem holds secrets."""
    for part in location:
        field = model.model_fields.get(str(part))
        if field and holds_secret(field.annotation):
            return True
        model = next(iter(models_in(field.annotation if field else None)), model)
    return False


def _shortened(value: object) -> str:
    text = repr(value)
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
        model = next(iter(models_in(field.annotation if field else None)), model)
    return model


def variables(field: FieldInfo) -> list[str]:
    """The environment variables that a field falls back to."""
    extra = field.json_schema_extra
    names = extra.get("env") if isinstance(extra, dict) else None
    return [str(each) for each in names] if isinstance(names, list) else [names] if isinstance(names, str) else []


def _anchored(config: M, where: str) -> M:
    """Make relative paths absolute: a service does not run where its configuration lies."""
    folder = Path(where).parent
    values = {name: getattr(config, name) for name in type(config).model_fields}
    changed = {name: anchored for name, each in values.items() if (anchored := _below(folder, each)) != each}
    return config.model_copy(update=changed) if changed and folder.is_absolute() else config


def _below(folder: Path, value: Any) -> Any:
    """A path, or a tuple that may hold paths, below the folder; an absolute path stays, and so does all else."""
    if isinstance(value, tuple):
        return tuple(_below(folder, each) for each in value)
    return folder / value if isinstance(value, Path) else value
