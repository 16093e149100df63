"""What must be answered to set a sink up, from the plugin's own ``Config``."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from mantissa_core import catalog
from mantissa_core.config import SinkSection
from mantissa_core.hookspecs import AlertSink
from mantissa_core.references import holds_secret
from mantissa_core.settings import variables

Kind = Literal["text", "path", "integer", "number", "switch", "choice", "list", "table"]
SEVERITIES = "severity_filter"
"""The one setting that is the instance's, not the plugin's: the severities that go to the sink."""


@dataclass(frozen=True, slots=True)
class Question:
    """One setting. ``choices`` are the values of a choice, or those that a list or a table may hold.

    ``keys`` are the names that a table may have; empty: any. ``variables`` are environment variables that it falls
    back to. A ``secret`` has no default and is never shown.
    """

    name: str
    help: str
    kind: Kind
    required: bool = False
    secret: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


def questions(sink_type: str) -> list[Question]:
    """The settings of a sink: those that it cannot do without first, else in the order of its ``Config``.

    Raises:
        PluginError: no such sink is installed, or it cannot be imported.
    """
    fields = catalog.load(AlertSink.group, sink_type).Config.model_fields
    asked = [_question(name, field) for name, field in fields.items()]
    asked.append(_question(SEVERITIES, SinkSection.model_fields[SEVERITIES]))
    return sorted(asked, key=lambda each: not each.required)


def _question(name: str, field: FieldInfo) -> Question:
    kind, choices, keys = _shape(field.annotation)
    secret = holds_secret(field.annotation)
    return Question(
        name,
        " ".join((field.description or "").replace("``", "").split()),
        kind,
        field.is_required(),
        secret,
        None if secret or field.is_required() else to_jsonable_python(field.get_default(call_default_factory=True)),
        choices,
        keys,
        tuple(variables(field)),
    )


def _shape(annotation: Any) -> tuple[Kind, tuple[str, ...], tuple[str, ...]]:
    """The kind of a type, what its values may be, and the keys of a table."""
    annotation = _bare(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "choice", tuple(str(each) for each in arguments), ()
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "table", _shape(arguments[1])[1], _shape(arguments[0])[1]
    if isinstance(origin, type) and issubclass(origin, (Sequence, AbstractSet)):
        return "list", _shape(arguments[0])[1], ()
    if not isinstance(annotation, type):
        return "text", (), ()
    if issubclass(annotation, Enum):
        return "choice", tuple(str(each.value) for each in annotation), ()
    if issubclass(annotation, BaseModel):
        return "table", (), tuple(annotation.model_fields)
    simple: list[tuple[type, Kind]] = [(bool, "switch"), (int, "integer"), (float, "number"), (Path, "path")]
    return next((kind for each, kind in simple if issubclass(annotation, each)), "text"), (), ()


def _bare(annotation: Any) -> Any:
    """A type without its constraints, and without the ``None`` that says that it may be left out."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        given = [each for each in get_args(annotation) if each is not type(None)]
        return _bare(given[0]) if len(given) == 1 else annotation
    return annotation
