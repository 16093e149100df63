"""Whether a tree can be true of any event at all, when some fields never have a value."""

from __future__ import annotations

from collections.abc import Set

from .tree import And, FieldRef, Node, Not, Op, Or, Predicate


def can_match(node: Node, dead: Set[str]) -> bool:
    """Whether some event may satisfy the tree though it has none of the ``dead`` fields.

    A safe guess: ``True`` also where alternatives exclude each other in ways that only their values tell.
    """
    return _outcomes(node, dead)[0]


def _outcomes(node: Node, dead: Set[str]) -> tuple[bool, bool]:
    """Whether the node can be true, and whether it can be false."""
    match node:
        case Not(child):
            true, false = _outcomes(child, dead)
            return false, true
        case And(children):
            found = [_outcomes(child, dead) for child in children]
            return all(true for true, _ in found), any(false for _, false in found)
        case Or(children):
            found = [_outcomes(child, dead) for child in children]
            return any(true for true, _ in found), all(false for _, false in found)
    return _predicate(node, dead)


def _predicate(node: Predicate, dead: Set[str]) -> tuple[bool, bool]:
    if node.field is not None and node.field in dead:
        return node.op is Op.NULL, node.op is not Op.NULL
    if node.op is Op.FIELD and all(isinstance(each, FieldRef) and each.field in dead for each in node.values):
        return False, True
    return True, True
