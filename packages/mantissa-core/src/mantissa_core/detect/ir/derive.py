"""What follows from a rule's tree, worked out once: fields, pinned equalities, witnesses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from .tree import And, Glob, Node, Not, Op, Predicate

_NO_COVER = frozenset({Op.NULL, Op.EXISTS, Op.FIELD})
"""Operators that hold for most rows, or need more than one field."""

SHORTEST_WITNESS = 2
"""Bytes of UTF-8; a shorter literal occurs in nearly every text and excludes nothing."""

Witness = tuple[str | None, str]
"""A field (``None``: anywhere) and a literal, to be looked for without regard to case."""


def predicates(node: Node) -> Iterator[Predicate]:
    """Every predicate in the tree, from left to right."""
    if isinstance(node, Predicate):
        yield node
    elif isinstance(node, Not):
        yield from predicates(node.child)
    else:
        for child in node.children:
            yield from predicates(child)


def fields(node: Node) -> tuple[str, ...]:
    """The fields that the tree asks for, each once, in order of appearance."""
    named: dict[str, None] = {}
    for predicate in predicates(node):
        if predicate.field is not None:
            named[predicate.field] = None
        for value in predicate.values:
            if (other := getattr(value, "field", None)) is not None:
                named[other] = None
    return tuple(named)


def has_keywords(node: Node) -> bool:
    """Whether the tree searches whole events."""
    return any(predicate.field is None for predicate in predicates(node))


def pins(node: Node) -> tuple[Predicate, ...]:
    """Equalities that every match implies: at most one per field, its values together the only possible ones."""
    return tuple(_pins(node).values())


def witnesses(node: Node) -> frozenset[Witness] | None:
    """Literals of which every match contains at least one, or ``None`` where there is no such set."""
    if isinstance(node, Predicate):
        return literals(node)
    if isinstance(node, Not):
        return None
    found = [witnesses(child) for child in node.children]
    if isinstance(node, And):
        return max((each for each in found if each), key=_selectivity, default=None)
    if not all(found):
        return None
    return frozenset().union(*(each for each in found if each))


def covers(node: Node) -> tuple[tuple[Predicate, ...], ...]:
    """Sets of predicates, not on whole events: every match satisfies some predicate of each set."""
    if isinstance(node, Predicate):
        return ((node,),) if node.field is not None and node.op not in _NO_COVER else ()
    if isinstance(node, Not):
        return ()
    below = [covers(child) for child in node.children]
    if isinstance(node, And):
        return tuple(cover for each in below for cover in each)
    if not all(below):
        return ()
    return (tuple(dict.fromkeys(predicate for each in below for predicate in max(each, key=_tells))),)


def _tells(cover: tuple[Predicate, ...]) -> tuple[int, int]:
    """The longer the shortest literal of a cover, the fewer rows it leaves."""
    found = [literals(predicate) for predicate in cover]
    if not all(found):
        return 0, -len(cover)
    every = [literal for each in found for _, literal in each or ()]
    return min(map(len, every)), -len(every)


def _pins(node: Node) -> dict[str, Predicate]:
    if isinstance(node, Predicate):
        return {node.field: node} if node.op is Op.EQ and node.field is not None else {}
    if isinstance(node, Not):
        return {}
    below = [_pins(child) for child in node.children]
    if isinstance(node, And):
        return reduce(lambda left, right: _narrower(left, right), below)
    common = set.intersection(*(set(each) for each in below))
    return {field: _union([each[field] for each in below]) for field in below[0] if field in common}


def _narrower(left: dict[str, Predicate], right: dict[str, Predicate]) -> dict[str, Predicate]:
    both = {**left, **right}
    for field in left.keys() & right.keys():
        both[field] = min(left[field], right[field], key=lambda pin: len(pin.values))
    return both


def _union(alternatives: list[Predicate]) -> Predicate:
    values = dict.fromkeys(value for each in alternatives for value in each.values)
    return Predicate(alternatives[0].field, Op.EQ, tuple(values), all(each.cased for each in alternatives))


def literals(predicate: Predicate) -> frozenset[Witness] | None:
    """One literal for each alternative value; none at all if any alternative has none."""
    if predicate.op not in {Op.EQ, Op.CONTAINS, Op.STARTSWITH, Op.ENDSWITH, Op.WILDCARD}:
        return None
    longest = [_longest(value) for value in predicate.values]
    if any(len(literal.encode()) < SHORTEST_WITNESS for literal in longest):
        return None
    return frozenset((predicate.field, literal) for literal in longest)


def _longest(value: object) -> str:
    """Numbers have no literal: ``5`` and ``5.0`` are one number."""
    if isinstance(value, Glob):
        return max((part for part in value.parts if isinstance(part, str)), key=len, default="")
    return value if isinstance(value, str) else ""


def _selectivity(found: frozenset[Witness]) -> tuple[int, int]:
    return min(len(literal) for _, literal in found), -len(found)
