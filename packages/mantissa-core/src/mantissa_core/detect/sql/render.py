"""A rule's tree as a condition: what :mod:`mantissa_core.detect.match.evaluate` means, in an engine's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias, cast

from sqlglot import exp

from mantissa_core.detect.ir.tree import And, FieldRef, Glob, Node, Not, Op, Or, Predicate, Regex, TimePart
from mantissa_core.errors import RuleError

from .dialect import Dialect, Expr, Test, absent, either, every, present
from .field import Texts

Look: TypeAlias = Callable[[str | None], Texts]
"""From a field's name to its texts in a row."""


def render(node: Node, dialect: Dialect, look: Look) -> Expr:
    """The condition on a row. NULL counts as false; what is negated is never NULL.

    Raises:
        RuleError: the engine cannot express something of it exactly.
    """
    match node:
        case And(children):
            return every([render(child, dialect, look) for child in children])
        case Or(children):
            return either([render(child, dialect, look) for child in children])
        case Not(child):
            return negated(render(child, dialect, look), dialect)
        case Predicate(op=Op.NULL):
            texts = look(node.field)
            return negated(dialect.has(texts.value), dialect) if texts.several else absent(texts.value)
        case Predicate(op=Op.EXISTS):
            texts = look(node.field)
            return dialect.has(texts.value) if texts.several else present(texts.value)
        case Predicate(op=Op.FIELD):
            return either([_relates(node, value, dialect, look) for value in node.values])
    return _any(look(node.field), dialect, lambda text: passes(node, text, dialect))


def negated(condition: Expr, dialect: Dialect) -> Expr:
    """Two-valued NOT; what asks for NULL has two values anyway."""
    if isinstance(condition, exp.Not) and isinstance(condition.this, exp.Is):
        return cast(Expr, condition.this)
    return exp.not_(condition if isinstance(condition, exp.Is) else dialect.truth(condition), copy=False)


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


def _relates(predicate: Predicate, value: object, dialect: Dialect, look: Look) -> Expr:
    reference = cast(FieldRef, value)
    left, right = look(predicate.field), look(reference.field)

    def with_other(text: Expr) -> Expr:
        return _any(right, dialect, lambda other: dialect.relates(reference.op, text, other))

    return _any(left, dialect, with_other)


def _any(texts: Texts, dialect: Dialect, test: Test) -> Expr:
    return dialect.any_of(texts.value, test) if texts.several else test(texts.value)
