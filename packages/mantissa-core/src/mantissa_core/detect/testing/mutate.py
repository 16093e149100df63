"""Do a rule's tests notice when the rule is wrong? Each part of its detection is dropped and negated in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.detect.ir.tree import And, Node, Not, Or, Predicate
from mantissa_core.detect.match.evaluate import Lookup, field_texts, holds
from mantissa_core.detect.match.route import log_types_of
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import LogType

from .rule_tests import tests_of

MOST = 500
"""Mutants of one rule that are tried; rules with long lists of values have more."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule's tree with one thing changed; ``change`` says what."""

    change: str
    tree: Node


@dataclass
class Mutation:
    """What came of a rule's mutants. ``survivors`` are the changes that no test noticed.

    ``skipped`` says why none was tried, ``left`` how many there were beyond :data:`MOST`.
    """

    rule: Rule | Correlation
    tried: int = 0
    left: int = 0
    survivors: list[str] = field(default_factory=list)
    skipped: str = ""


def mutate(rules: Iterable[Rule], log_types: Sequence[LogType]) -> Iterator[Mutation]:
    """Try every rule's mutants on its tests, with the reference evaluator.

    Raises:
        RuleError: a test file is broken.
    """
    for rule in rules:
        yield _mutation(rule, log_types)


def _mutation(rule: Rule, log_types: Sequence[LogType]) -> Mutation:
    asked: list[LogType | None] = [*log_types_of(rule, log_types)]
    cases = [(test.match, field_texts(test.event, each)) for test in tests_of(rule) for each in asked or [None]]
    if not cases:
        return Mutation(rule, skipped="it has no tests")
    if not _passes(rule.ir, cases):
        return Mutation(rule, skipped="its tests fail")
    every = mutants(rule.ir)
    result = Mutation(rule)
    for mutant in islice(every, MOST):
        result.tried += 1
        if _passes(mutant.tree, cases):
            result.survivors.append(mutant.change)
    result.left = sum(1 for _ in every)
    return result


def _passes(tree: Node, cases: Sequence[tuple[bool, Lookup]]) -> bool:
    return all(holds(tree, look) is expected for expected, look in cases)


def mutants(tree: Node) -> Iterator[Mutant]:
    """Every tree that differs from ``tree`` in one place, in order of appearance; each once, and none equal to it.

    A child of ``and`` or ``or`` is dropped, a value of several is dropped, a predicate, an ``and`` or an ``or`` is
    negated, and a ``not`` is taken away.
    """
    seen: set[Node] = {tree}
    for mutant in _changed(tree):
        if mutant.tree not in seen:
            seen.add(mutant.tree)
            yield mutant


def _changed(node: Node) -> Iterator[Mutant]:
    match node:
        case Not(child):
            yield Mutant(f"not removed: {describe(node)}", child)
            yield from (Mutant(each.change, Not(each.tree)) for each in _changed(child) if each.tree != Not(child))
        case Predicate():
            yield Mutant(f"negated: {describe(node)}", Not(node))
            yield from _without_values(node)
        case And(children) | Or(children):
            yield Mutant(f"negated: {describe(node)}", Not(node))
            for at, child in enumerate(children):
                rest = children[:at] + children[at + 1 :]
                yield Mutant(f"dropped: {describe(child)}", rest[0] if len(rest) == 1 else type(node)(rest))
                for each in _changed(child):
                    yield Mutant(each.change, type(node)((*children[:at], each.tree, *children[at + 1 :])))


def _without_values(node: Predicate) -> Iterator[Mutant]:
    if len(node.values) < 2:
        return
    for at, value in enumerate(node.values):
        rest = replace(node, values=node.values[:at] + node.values[at + 1 :])
        yield Mutant(f"value dropped: {replace(node, values=(value,))}", rest)


def describe(node: Node) -> str:
    """The tree in one line."""
    match node:
        case Predicate():
            return str(node)
        case Not(child):
            return f"not ({describe(child)})"
        case And(children):
            return " and ".join(map(_inner, children))
        case Or(children):
            return " or ".join(map(_inner, children))


def _inner(node: Node) -> str:
    return f"({describe(node)})" if isinstance(node, And | Or) else describe(node)
