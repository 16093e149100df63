"""A tree of conditions as the ``detection`` section of a Sigma rule: selections, and the condition that joins them."""

from __future__ import annotations

from typing import Any

from mantissa_core.ask.plan import Scalar

from .native import Atom, Both, Either, Negated, Tree


def detection(tree: Tree) -> dict[str, Any]:
    """The section. Conditions on different fields that all hold stand in one selection."""
    made = _Selections()
    condition = made.condition(tree)
    return {**made.found, "condition": condition}


class _Selections:
    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    def condition(self, tree: Tree, name: str = "selection", nested: bool = False) -> str:
        """Names of selections joined by ``and``, ``or``, ``not``."""
        match tree:
            case Atom():
                return self._named(name, _mapping([tree]))
            case Negated():
                return f"not {self.condition(tree.of, 'other', True)}"
            case Either():
                if listed := _alternatives(tree):
                    return self._named(name, listed)
                return _joined("or", [self.condition(each, name, True) for each in tree.of], nested)
        atoms, others = _apart(tree)
        parts = [self._named(name, _mapping(atoms))] if atoms else []
        parts += [self.condition(each, "filter" if isinstance(each, Negated) else "selection", True) for each in others]
        return _joined("and", parts, nested)

    def _named(self, name: str, selection: Any) -> str:
        number, free = 1, name
        while free in self.found and self.found[free] != selection:
            number += 1
            free = f"{name}_{number}"
        self.found[free] = selection
        return free


def _joined(word: str, parts: list[str], nested: bool) -> str:
    text = f" {word} ".join(parts)
    return f"({text})" if nested and len(parts) > 1 else text


def _apart(tree: Both) -> tuple[list[Atom], list[Tree]]:
    """Conditions that fit into one mapping, and the others."""
    atoms, others, keys = [], [], set[str]()
    for each in tree.of:
        if isinstance(each, Atom) and _key(each) not in keys:
            atoms.append(each)
            keys.add(_key(each))
        else:
            others.append(each)
    return atoms, others


def _alternatives(tree: Either) -> list[dict[str, Any]]:
    """A list of mappings, of which one must hold; empty where one of them is no mapping."""
    listed = []
    for each in tree.of:
        atoms, others = (
            _apart(each) if isinstance(each, Both) else ([each], []) if isinstance(each, Atom) else ([], [each])
        )
        if others:
            return []
        listed.append(_mapping(atoms))
    return listed


def _mapping(atoms: list[Atom]) -> dict[str, Any]:
    return {_key(each): _value(each) for each in atoms}


def _key(atom: Atom) -> str:
    return f"{atom.path}|{atom.modifier}" if atom.modifier else atom.path


def _value(atom: Atom) -> Any:
    if atom.modifier == "exists":
        return True
    values = [_escaped(each, atom.modifier) for each in atom.values]
    return values[0] if len(values) == 1 else values


def _escaped(value: Scalar, modifier: str) -> Scalar:
    """What Sigma would take for a wildcard is meant as it stands."""
    if not isinstance(value, str) or modifier == "cidr":
        return value
    return value.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
