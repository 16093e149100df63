"""The tree of :mod:`.ir` as plain data and back, with every type checked on the way in."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from .tree import And, FieldRef, Glob, Node, Not, Op, Operand, Or, Predicate, Regex, TimePart, TimeUnit, Wild

_WILDS = (Wild.MANY, Wild.ONE)


class StoredGlob(Struct, tag="glob", array_like=True, frozen=True, forbid_unknown_fields=True):
    """A pattern: texts, and 0 for ``*``, 1 for ``?``."""

    parts: tuple[str | Literal[0, 1], ...]


class StoredRegex(Struct, tag="regex", array_like=True, frozen=True, forbid_unknown_fields=True):
    """A regular expression."""

    pattern: str
    flags: str


class StoredTimePart(Struct, tag="time", array_like=True, frozen=True, forbid_unknown_fields=True):
    """A part of a time."""

    unit: TimeUnit
    number: int


class StoredFieldRef(Struct, tag="field", array_like=True, frozen=True, forbid_unknown_fields=True):
    """A reference to another field."""

    field: str
    op: Op


StoredOperand: TypeAlias = str | int | float | StoredGlob | StoredRegex | StoredTimePart | StoredFieldRef


class StoredPredicate(Struct, tag="is", array_like=True, frozen=True, forbid_unknown_fields=True):
    """A predicate."""

    field: str | None
    op: Op
    values: tuple[StoredOperand, ...]
    cased: bool


class StoredAnd(Struct, tag="and", array_like=True, frozen=True, forbid_unknown_fields=True):
    """A conjunction."""

    children: tuple[StoredAnd | StoredOr | StoredNot | StoredPredicate, ...]


class StoredOr(Struct, tag="or", array_like=True, frozen=True, forbid_unknown_fields=True):
    """Alternatives."""

    children: tuple[StoredAnd | StoredOr | StoredNot | StoredPredicate, ...]


class StoredNot(Struct, tag="not", array_like=True, frozen=True, forbid_unknown_fields=True):
    """A negation."""

    child: StoredAnd | StoredOr | StoredNot | StoredPredicate


StoredNode: TypeAlias = StoredAnd | StoredOr | StoredNot | StoredPredicate


def stored(node: Node) -> StoredNode:
    """The tree as data."""
    match node:
        case Predicate(field, op, values, cased):
            return StoredPredicate(field, op, tuple(_stored_operand(value) for value in values), cased)
        case And(children):
            return StoredAnd(tuple(stored(child) for child in children))
        case Or(children):
            return StoredOr(tuple(stored(child) for child in children))
        case Not(child):
            return StoredNot(stored(child))


def restored(node: StoredNode) -> Node:
    """The tree that :func:`stored` was given."""
    match node:
        case StoredPredicate():
            return Predicate(node.field, node.op, tuple(map(_operand, node.values)), node.cased)
        case StoredAnd():
            return And(tuple(map(restored, node.children)))
        case StoredOr():
            return Or(tuple(map(restored, node.children)))
        case StoredNot():
            return Not(restored(node.child))


def _stored_operand(value: Operand) -> StoredOperand:
    match value:
        case Glob(parts):
            return StoredGlob(tuple(part if isinstance(part, str) else _number(part) for part in parts))
        case Regex(pattern, flags):
            return StoredRegex(pattern, flags)
        case TimePart(unit, number):
            return StoredTimePart(unit, number)
        case FieldRef(field, op):
            return StoredFieldRef(field, op)
    return value


def _operand(value: StoredOperand) -> Operand:
    match value:
        case StoredGlob():
            return Glob(tuple(part if isinstance(part, str) else _WILDS[part] for part in value.parts))
        case StoredRegex():
            return Regex(value.pattern, value.flags)
        case StoredTimePart():
            return TimePart(value.unit, value.number)
        case StoredFieldRef():
            return FieldRef(value.field, value.op)
    return value


def _number(wild: Wild) -> Literal[0, 1]:
    return 0 if wild is Wild.MANY else 1
