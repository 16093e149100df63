"""Proof that a record is as declared: a msgspec decoder generated from the log type.

A record that it decodes is valid JSON (but for the bytes inside ``json`` columns, which msgspec skips without looking
at their UTF-8, and for repeated keys), has declared members only, each of its declared type, and no declared object
without a value. DuckDB reads such a record without losing anything; every other goes through :mod:`.flatten`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from mantissa_core.model import Column
from mantissa_core.model.log_type import ColumnType

from .layout import Branch, Layout
from .scalars import BOUNDS

NULL = msgspec.Raw(b"null")


def _between(type_: ColumnType) -> Any:
    low, high = BOUNDS[type_]
    return Annotated[int, msgspec.Meta(ge=low, le=high)]


TYPES: dict[ColumnType, Any] = {
    "string": str,
    "bool": bool,
    "int32": _between("int32"),
    "int64": _between("int64"),
    "double": float | _between("double"),
    "list<string>": list[str],
}
"""Those whose values DuckDB reads exactly; a value of any other type makes its record take the slow path."""


@dataclass(frozen=True, slots=True)
class FastField:
    """A member that the fast path knows: a declared object, or a column at its primary path."""

    key: str
    column: Column | None = None
    members: tuple[FastField, ...] = ()


def fast_fields(layout: Layout) -> tuple[FastField, ...]:
    """Return the part of the layout that the fast path reads.

    Left out, so that records which have them take the slow path: alternate spellings, types that are no JSON types,
    keys that differ from a neighbour by case only (a DuckDB STRUCT cannot hold both) and keys that need escapes.
    """
    return tuple(_fields(layout.root))


def strict_decoder(fields: tuple[FastField, ...]) -> msgspec.json.Decoder[Any]:
    """Generate the decoder. Its ``decode`` raises ``DecodeError``, ``ValueError`` or ``RecursionError`` on others."""
    return msgspec.json.Decoder(_struct("Event", fields, may_be_empty=True))


def _fields(branch: Branch) -> Iterator[FastField]:
    folded: set[str] = set()
    for key, node in branch.members.items():
        if key.casefold() in folded or any(character in '"\\' or character < " " for character in key):
            continue
        if isinstance(node, Branch):
            members = tuple(_fields(node))
            if not members:
                continue
            yield FastField(key, members=members)
        elif node.primary and (node.column.type in TYPES or node.column.type == "json"):
            yield FastField(key, node.column)
        else:
            continue
        folded.add(key.casefold())


def _struct(name: str, fields: tuple[FastField, ...], *, may_be_empty: bool) -> type[msgspec.Struct]:
    names = [f"f{number}" for number in range(len(fields))]
    empty: list[msgspec.Struct] = []
    struct = msgspec.defstruct(
        name,
        [(python_name, *_declaration(field)) for python_name, field in zip(names, fields, strict=True)],
        namespace={} if may_be_empty else {"__post_init__": _refuse(empty)},
        rename=dict(zip(names, (field.key for field in fields), strict=True)),
        forbid_unknown_fields=True,
        gc=False,
    )
    empty.append(struct())
    return struct


def _declaration(field: FastField) -> tuple[Any, Any]:
    if field.column is None:
        return _struct("Object", field.members, may_be_empty=False) | None, None
    if field.column.type == "json":
        return msgspec.Raw, NULL
    return TYPES[field.column.type] | None, None


def _refuse(unwanted: list[msgspec.Struct]) -> Callable[[msgspec.Struct], None]:
    def __post_init__(self: msgspec.Struct) -> None:  # noqa: N807  # msgspec calls it by this name
        if self in unwanted:
            raise ValueError("an object without a value")

    return __post_init__
