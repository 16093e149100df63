"""Why a rule matched an event, or did not: its tree, each node with what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mantissa_core.detect.ir.tree import And, FieldRef, Node, Not, Op, Or, Predicate
from mantissa_core.model import LogType

from .bind import undeclared
from .evaluate import HasTree, Lookup, field_texts, holds

Kind = Literal["all of", "any of", "not", "predicate"]


@dataclass(frozen=True, slots=True)
class Step:
    """One node of the tree. What follows ``children`` is empty for all but predicates.

    ``text`` is the predicate as a person reads it, ``values`` what the event has in the field, ``passed`` those of the
    rule's values that some text of the event satisfies, ``compared`` the values of the fields that it is compared with,
    and ``unknown`` says that the log type does not declare the field.
    """

    kind: Kind
    held: bool
    children: tuple[Step, ...] = ()
    text: str = ""
    values: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    compared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: bool = False


def trace(rule: HasTree, event: Mapping[str, Any], log_type: LogType | None = None) -> Step:
    """Evaluate every node on ``event`` (as the vendor sends it), also where the outcome was clear before."""
    return _step(rule.ir, field_texts(event, log_type), log_type)


def _step(node: Node, look: Lookup, log_type: LogType | None) -> Step:
    held = holds(node, look)
    match node:
        case And(children):
            return Step("all of", held, tuple(_step(child, look, log_type) for child in children))
        case Or(children):
            return Step("any of", held, tuple(_step(child, look, log_type) for child in children))
        case Not(child):
            return Step("not", held, (_step(child, look, log_type),))
    return Step(
        "predicate",
        held,
        text=str(node),
        values=tuple(look(node.field)) if node.field is not None else (),
        passed=_passed(node, look),
        compared={each.field: tuple(look(each.field)) for each in node.values if isinstance(each, FieldRef)},
        unknown=node.field is not None and log_type is not None and bool(undeclared([node.field], log_type)),
    )


def _passed(node: Predicate, look: Lookup) -> tuple[str, ...]:
    if node.op in {Op.NULL, Op.EXISTS}:
        return ()
    return tuple(str(value) for value in node.values if holds(replace(node, values=(value,)), look))
