"""The reference: what a rule means, in plain Python, for one event. Executors are tested against it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Protocol, TypeAlias

import re2  # type: ignore[import-untyped]

from mantissa_core.detect.ir.derive import predicates
from mantissa_core.detect.ir.text import fold, number_in, number_of, time_of
from mantissa_core.detect.ir.tree import (
    And,
    FieldRef,
    Glob,
    Node,
    Not,
    Op,
    Operand,
    Or,
    Predicate,
    Regex,
    TimePart,
    Wild,
)
from mantissa_core.model import LogType

from . import lookup

Lookup: TypeAlias = Callable[[str | None], list[str]]
"""From a rule's field name to the texts of its values; ``None`` asks for those of the whole event."""

_NUMERIC: Mapping[Op, Callable[[float, float], bool]] = {
    Op.EQ: operator.eq,
    Op.LT: operator.lt,
    Op.LTE: operator.le,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
}


class HasTree(Protocol):
    """What is evaluated: anything with a tree, such as a rule."""

    @property
    def ir(self) -> Node:
        """The tree."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One predicate of a rule and how it fared: ``values`` are the texts that it saw."""

    predicate: Predicate
    matched: bool
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether the rule matched, and each of its predicates."""

    matched: bool
    findings: tuple[Finding, ...]


def evaluate(rule: HasTree, event: Mapping[str, Any], log_type: LogType | None = None) -> bool:
    """Whether ``rule`` matches ``event`` (as the vendor sends it); ``log_type`` resolves field names."""
    return holds(rule.ir, field_texts(event, log_type))


def explain(rule: HasTree, event: Mapping[str, Any], log_type: LogType | None = None) -> Explanation:
    """Evaluate, and say of every predicate what it saw and whether it held."""
    look = field_texts(event, log_type)
    findings = tuple(Finding(each, holds(each, look), tuple(look(each.field))) for each in predicates(rule.ir))
    return Explanation(holds(rule.ir, look), findings)


def holds(node: Node, look: Lookup) -> bool:
    """Whether the tree is true of the event behind ``look``."""
    match node:
        case And(children):
            return all(holds(child, look) for child in children)
        case Or(children):
            return any(holds(child, look) for child in children)
        case Not(child):
            return not holds(child, look)
        case Predicate(op=Op.NULL):
            return not look(node.field)
        case Predicate(op=Op.EXISTS):
            return bool(look(node.field))
    return any(_passes(node, text, value, look) for text in look(node.field) for value in node.values)


def field_texts(event: Mapping[str, Any], log_type: LogType | None) -> Lookup:
    """How to find the texts of an event's fields; ``log_type`` resolves their names."""

    def look(field: str | None) -> list[str]:
        if field is None:
            return list(lookup.leaves(event))
        return lookup.texts(event, lookup.spellings(field, log_type))

    return look


def _passes(predicate: Predicate, text: str, value: Operand, look: Lookup) -> bool:
    match value:
        case FieldRef(field, op):
            return any(_relates(op, fold(text), fold(other)) for other in look(field))
        case Regex():
            return _expression(str(value)).search(text) is not None
        case Glob(parts):
            return _fits(parts, text) if predicate.cased else _fits(_folded(parts), fold(text))
        case TimePart():
            moment = time_of(text)
            return moment is not None and number_in(moment, value.unit) == value.number
        case int() | float():
            return _compares(predicate.op, number_of(text), value)
        case str() if predicate.op is Op.CIDR:
            return _within(text, value)
        case _:
            return _relates(predicate.op, *((text, value) if predicate.cased else (fold(text), fold(value))))


def _relates(op: Op, text: str, literal: str) -> bool:
    match op:
        case Op.CONTAINS:
            return literal in text
        case Op.STARTSWITH:
            return text.startswith(literal)
        case Op.ENDSWITH:
            return text.endswith(literal)
    return text == literal


def _compares(op: Op, number: float | None, bound: float) -> bool:
    return number is not None and _NUMERIC[op](number, bound)


def _within(text: str, network: str) -> bool:
    try:
        return ip_address(text) in _network(network)
    except ValueError:
        return False


def _fits(parts: tuple[str | Wild, ...], text: str) -> bool:
    """Glob matching in at most len(parts) x len(text) steps: after a failure only the last ``*`` takes one more."""
    tokens = [token for part in parts for token in (part if isinstance(part, str) else (part,))]
    at = token = 0
    star, resume = -1, 0
    while at < len(text):
        if token < len(tokens) and tokens[token] in {Wild.ONE, text[at]}:
            at, token = at + 1, token + 1
        elif token < len(tokens) and tokens[token] is Wild.MANY:
            star, resume, token = token, at, token + 1
        elif star >= 0:
            resume += 1
            at, token = resume, star + 1
        else:
            return False
    return all(left is Wild.MANY for left in tokens[token:])


def _folded(parts: tuple[str | Wild, ...]) -> tuple[str | Wild, ...]:
    return tuple(fold(part) if isinstance(part, str) else part for part in parts)


@lru_cache(maxsize=1024)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> Any:
    return re2.compile(pattern)
