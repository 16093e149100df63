"""A rule's tree as a condition: what :mod:`mantissa_core.detect.evaluate` means, in an engine's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from sqlglot import exp

from mantissa_core.detect.ir import And, FieldRef, Glob, Node, Not, Op, Or, Predicate, Regex, TimePart
from mantissa_core.errors import RuleError

from .dialect import Dialect, Expr, Test, either, every, present
from .field import Fields, Texts


def render(node: Node, dialect: Dialect, fields: Fields) -> Expr:
    """The condition on a row. NULL counts as false; what is negated is never NULL.

    Raises:
        RuleError: the engine cannot express something of it exactly.
    """
    match node:
        case And(children):
            return every([render(child, dialect, fields) for child in children])
        case Or(children):
            return either([render(child, dialect, fields) for child in children])
        case Not(child):
            return exp.not_(exp.paren(dialect.truth(render(child, dialect, fields)), copy=False), copy=False)
        case Predicate(op=Op.NULL):
            return exp.not_(exp.paren(dialect.truth(_exists(node, dialect, fields)), copy=False), copy=False)
        case Predicate(op=Op.EXISTS):
            return _exists(node, dialect, fields)
        case Predicate(op=Op.FIELD):
            return either([_relates(node, value, dialect, fields) for value in node.values])
    return _any(fields.texts(node.field), dialect, lambda text: passes(node, text, dialect))


def passes(predicate: Predicate, text: Expr, dialect: Dialect) -> Expr:
    """The text satisfies the predicate (any operator but ``NULL``, ``EXISTS`` and ``FIELD``)."""
    conditions = list(_alternatives(predicate, text, dialect))
    return either(conditions) if conditions else dialect.never()


def _alternatives(predicate: Predicate, text: Expr, dialect: Dialect) -> Iterator[Expr]:
    if predicate.op is Op.CIDR:
        yield from (dialect.inside(text, str(network)) for network in predicate.values)
        return
    words = [value for value in predicate.values if isinstance(value, str)]
    if words:
        yield dialect.matches(predicate.op, text, words, predicate.cased)
    for value in predicate.values:
        match value:
            case Glob(parts):
                yield dialect.fits(text, parts, predicate.cased)
            case Regex():
                yield dialect.searches(text, value)
            case int() | float():
                yield dialect.compares(predicate.op, text, value)
            case TimePart():
                raise RuleError(f"{predicate.field}: parts of a time ({value}) are read by the matcher only")
            case FieldRef():
                raise RuleError("a reference to another field stands among values")


def _exists(predicate: Predicate, dialect: Dialect, fields: Fields) -> Expr:
    texts = fields.texts(predicate.field)
    return either(
        [
            *([] if texts.one is None else [present(texts.one)]),
            *([] if texts.many is None else [dialect.has(texts.many)]),
        ]
    )


def _relates(predicate: Predicate, value: object, dialect: Dialect, fields: Fields) -> Expr:
    reference = cast(FieldRef, value)
    left, right = fields.texts(cast(str, predicate.field)), fields.texts(reference.field)

    def with_other(text: Expr) -> Expr:
        return _any(right, dialect, lambda other: dialect.relates(reference.op, text, other))

    return _any(left, dialect, with_other)


def _any(texts: Texts, dialect: Dialect, test: Test) -> Expr:
    found = [] if texts.one is None else [test(texts.one)]
    return either(found if texts.many is None else [*found, dialect.any_of(texts.many, test)])
