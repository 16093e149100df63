"""Events that conditions hold for: made of the conditions, with only the fields that matter.

The search goes through the alternatives in their order and keeps what each field must and must not be; a field's value
is chosen from those that the conditions themselves suggest. The same conditions, the same event.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from mantissa_core.ask.plan import Scalar
from mantissa_core.model.log_type import LogType, parse_path

from .native import Atom, Both, Either, Negated, Tree

MOST = 20_000
"""Conditions that are looked at."""
_ANOTHER = ("another", "203.0.113.99", "other")
_ABSENT = object()
_Literals = Mapping[str, tuple[tuple[Atom, bool], ...]]


def event_for(tree: Tree, log_type: LogType) -> dict[str, Any] | None:
    """An event for which the conditions hold; None where none is found."""
    search = _Search(log_type)
    literals = next(search.models(tree, True, {}), None)
    if literals is None:
        return None
    chosen = {path: search.choice(path, wanted) for path, wanted in literals.items()}
    return _event({path: each for path, each in chosen.items() if each is not _ABSENT})


class _Search:
    """Goes through the alternatives, and back as soon as a field has no value that fits."""

    def __init__(self, log_type: LogType) -> None:
        self._log_type, self._looked = log_type, 0
        self._known: dict[tuple[str, tuple[tuple[Atom, bool], ...]], Any] = {}

    def choice(self, path: str, literals: tuple[tuple[Atom, bool], ...]) -> Any:
        """A value that fits all of them; None where there is none."""
        key = (path, literals)
        if key not in self._known:
            self._known[key] = _choice(path, literals, self._log_type)
        return self._known[key]

    def models(self, tree: Tree, wanted: bool, so_far: _Literals) -> Iterator[_Literals]:
        """What the fields must and must not be, one alternative after another."""
        if self._looked > MOST:
            return
        match tree:
            case Atom():
                self._looked += 1
                before = so_far.get(tree.path, ())
                literals = before if (tree, wanted) in before else (*before, (tree, wanted))
                if self.choice(tree.path, literals) is not None:
                    yield {**so_far, tree.path: literals}
            case Negated():
                yield from self.models(tree.of, not wanted, so_far)
            case Both() | Either() if isinstance(tree, Both) is wanted:
                yield from self._all(tree.of, wanted, so_far)
            case Both() | Either():
                for each in tree.of:
                    yield from self.models(each, wanted, so_far)

    def _all(self, trees: tuple[Tree, ...], wanted: bool, so_far: _Literals) -> Iterator[_Literals]:
        if not trees:
            yield so_far
            return
        for each in self.models(trees[0], wanted, so_far):
            yield from self._all(trees[1:], wanted, each)


def _choice(path: str, literals: tuple[tuple[Atom, bool], ...], log_type: LogType) -> Any:
    """A value that fits all of them; None where there is none."""
    column = log_type.by_path.get(parse_path(path))
    kind = column.type if column else "string"
    candidates: list[Any] = [value for atom, wanted in literals if wanted for value in _suggested(atom)]
    known = tuple(column.values or ()) if column else ()
    if any(not wanted for _, wanted in literals):
        candidates += [*known, *_ANOTHER, *_numbers(literals), _ABSENT]
    else:
        candidates += [*known, *_ANOTHER, *_numbers(literals)]
    for each in candidates:
        typed = each if each is _ABSENT else _typed(each, kind)
        if typed is not None and all(_holds(atom, typed) is wanted for atom, wanted in literals):
            return typed
    return None


def _suggested(atom: Atom) -> Iterator[Scalar]:
    for each in atom.values:
        match atom.modifier:
            case "cidr":
                yield str(_address(str(each)))
            case "startswith" if str(each).endswith("@"):
                yield f"{each}example.com"
            case _:
                yield each


def _address(network: str) -> str:
    parsed = ipaddress.ip_network(network, strict=False)
    return str(parsed[1] if parsed.num_addresses > 1 else parsed[0])


def _numbers(literals: tuple[tuple[Atom, bool], ...]) -> Iterator[Scalar]:
    """Around the numbers that are named."""
    for atom, _ in literals:
        for each in atom.values:
            if isinstance(each, int | float) and not isinstance(each, bool):
                yield from (each + 1, each - 1)
            elif isinstance(each, bool):
                yield not each
    yield 1


def _typed(value: Scalar, kind: str) -> Any:
    """The value as events of that column have it; None where it is of another kind."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case "int32" | "int64" | "double":
            return value if number else None
        case "bool":
            return value if isinstance(value, bool) else None
        case "list<string>":
            return [str(value)]
    return None if kind in ("timestamp", "date", "binary", "json") else str(value)


def _holds(atom: Atom, value: Any) -> bool:
    """Whether a condition holds for a field's value."""
    if value is _ABSENT:
        return False
    if atom.modifier == "exists":
        return True
    values = value if isinstance(value, list) else [value]
    return any(_passes(atom.modifier, each, wanted) for each in values for wanted in atom.values)


def _passes(modifier: str, value: Any, wanted: Scalar) -> bool:
    text, other = str(value).lower(), str(wanted).lower()
    match modifier:
        case "":
            return text == other
        case "contains":
            return other in text
        case "startswith":
            return text.startswith(other)
        case "endswith":
            return text.endswith(other)
        case "cidr":
            return _is_in(text, other)
    return _in_order(modifier, float(value), float(wanted))


def _in_order(modifier: str, one: float, other: float) -> bool:
    return {"lt": one < other, "lte": one <= other, "gt": one > other, "gte": one >= other}[modifier]


def _is_in(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _event(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as the vendor nests them."""
    event: dict[str, Any] = {}
    for path, value in values.items():
        keys = parse_path(path)
        inner = event
        for key in keys[:-1]:
            inner = inner.setdefault(key, {})
        inner[keys[-1]] = value
    return event
