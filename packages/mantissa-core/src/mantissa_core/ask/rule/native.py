"""A plan's conditions over a log type's own fields: what the overlay calls ``m_outcome`` is written out.

Rules match events as the vendor sends them, so that the overlay's columns have to be said in the fields that they are
made of. The translation keeps the question's meaning, with nulls as SQL has them: what an event does not say is neither
equal nor unequal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mantissa_core.ask.plan import COUNTRY, All, Any, Compare, Filter, Not, Scalar
from mantissa_core.model.log_type import INDICATORS, SCALARS, Case, LogType, OverlayRule, parse_path

from .draft import CannotSay

Modifier = Literal["", "contains", "startswith", "endswith", "cidr", "lt", "lte", "gt", "gte", "exists"]
_MODIFIERS: dict[str, Modifier] = {
    "eq": "", "in": "", "contains": "contains", "starts": "startswith", "ends": "endswith", "cidr": "cidr",
    "lt": "lt", "le": "lte", "gt": "gt", "ge": "gte",
}  # fmt: skip
_NUMBERS = ("int32", "int64", "double")
_LOG = ("m_log_type", "m_table")


@dataclass(frozen=True, slots=True)
class Atom:
    """One of ``values`` is a value of the field at ``path``; with ``exists`` it has any."""

    path: str
    modifier: Modifier = ""
    values: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class Both:
    """Every one holds; without any it always holds."""

    of: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One holds; without any it never holds."""

    of: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """It does not hold."""

    of: Tree


Tree = Atom | Both | Either | Negated
ALWAYS, NEVER = Both(()), Either(())


def both(*trees: Tree) -> Tree:
    """All of them, simplified."""
    parts: dict[Tree, None] = {}
    for each in trees:
        if each == NEVER:
            return NEVER
        parts.update(dict.fromkeys(each.of if isinstance(each, Both) else (each,)))
    kept = tuple(each for each in parts if not _implied(each, parts))
    return kept[0] if len(kept) == 1 else Both(kept)


def either(*trees: Tree) -> Tree:
    """One of them, simplified: of equal fields with a list of values."""
    parts: dict[Tree, None] = {}
    for each in trees:
        if each == ALWAYS:
            return ALWAYS
        parts.update(dict.fromkeys(each.of if isinstance(each, Either) else (each,)))
    joined: dict[object, Tree] = {}
    for each in parts:
        plain = isinstance(each, Atom) and each.modifier == ""
        key: object = ("", each.path) if isinstance(each, Atom) and plain else each
        before = joined.get(key)
        if isinstance(each, Atom) and isinstance(before, Atom):
            each = Atom(each.path, "", tuple(dict.fromkeys((*before.values, *each.values))))
        joined[key] = each
    kept = tuple(joined.values())
    return kept[0] if len(kept) == 1 else Either(kept)


def negated(tree: Tree) -> Tree:
    """The opposite."""
    match tree:
        case Negated():
            return tree.of
        case Both(of=()):
            return NEVER
        case Either(of=()):
            return ALWAYS
    return Negated(tree)


def _implied(part: Tree, beside: dict[Tree, None]) -> bool:
    """Whether ``part`` only says that a field is there, which another says too."""
    if not isinstance(part, Atom) or part.modifier != "exists":
        return False
    return any(isinstance(each, Atom) and each != part and each.path == part.path for each in beside)


class Native:
    """Translates for one log type."""

    def __init__(self, log_type: LogType) -> None:
        self._log_type = log_type

    def tree(self, filters: tuple[Filter, ...]) -> Tree:
        """When all of the conditions hold.

        Raises:
            CannotSay: one of them is about what no event says itself, such as when it was stored.
        """
        tree = both(*(self._holds(each, True) for each in filters))
        return self._narrowed(tree) if isinstance(tree, Both) else tree

    def _narrowed(self, tree: Both) -> Tree:
        """Two lists for a field that has one value are what is in both."""
        kept: dict[object, Tree] = {}
        for each in tree.of:
            plain = isinstance(each, Atom) and each.modifier == "" and not self._is_list(each.path)
            key: object = ("", each.path) if isinstance(each, Atom) and plain else each
            before = kept.get(key)
            if isinstance(each, Atom) and isinstance(before, Atom):
                known = {str(value).lower() for value in before.values}
                values = tuple(value for value in each.values if str(value).lower() in known)
                if not values:
                    return NEVER
                kept[key] = Atom(each.path, "", values)
            else:
                kept[key] = each
        return both(*kept.values())

    def _is_list(self, path: str) -> bool:
        return self._log_type.by_path[parse_path(path)].type == "list<string>"

    def present(self, column: str) -> Tree:
        """When an event has a value for the column."""
        return self._present(column)

    def path(self, column: str) -> str:
        """The field that a column is; the overlay's keep their names, which every rule may group by.

        Raises:
            CannotSay: the log type has no such column.
        """
        if column == COUNTRY:
            raise CannotSay("countries of addresses: a rule sees events alone")
        if column.startswith("m_"):
            return column
        return self._native(column)

    def _holds(self, filter_: Filter, wanted: bool) -> Tree:
        """When the condition is true, or else when it is false; where a field is missing it is neither."""
        match filter_:
            case Compare():
                return self._compared(filter_, wanted)
            case Not():
                return self._holds(filter_.of, not wanted)
            case Any() if wanted and (alike := _alike(filter_.of)):
                return self._by_rules(alike)
            case All() | Any():
                parts = tuple(self._holds(each, wanted) for each in filter_.of)
                return both(*parts) if isinstance(filter_, All) is wanted else either(*parts)

    def _compared(self, compare: Compare, wanted: bool) -> Tree:
        column = compare.field
        if column in _LOG:
            return self._of_this_log(compare, wanted)
        opposite = {"ne": "eq", "not_in": "in", "is_null": "not_null"}.get(compare.op)
        if opposite:
            return self._compared(compare.model_copy(update={"op": opposite}), not wanted)
        if compare.op == "not_null":
            there = self._present(column)
            return there if wanted else negated(there)
        held = self._matches(compare)
        return held if wanted else both(self._present(column), negated(held))

    def _of_this_log(self, compare: Compare, wanted: bool) -> Tree:
        if compare.op not in ("eq", "ne", "in", "not_in"):
            raise CannotSay(f"a rule cannot compare the name of a log ({compare.op})")
        values = compare.value if isinstance(compare.value, tuple) else (compare.value,)
        own = self._log_type.name if compare.field == "m_log_type" else self._log_type.table
        same = own in values
        return ALWAYS if same is (compare.op in ("eq", "in")) is wanted else NEVER

    def _matches(self, compare: Compare) -> Tree:
        name = compare.field.removeprefix("m_")
        if compare.field.startswith("m_") and name in SCALARS:
            return self._by_rules((compare,))
        if compare.field.startswith("m_") and name in INDICATORS:
            return either(*(self._atom(path, compare) for path in getattr(self._log_type.overlay, name)))
        return self._atom(self._native(compare.field), compare)

    def _by_rules(self, compares: tuple[Compare, ...]) -> Tree:
        """The first of the overlay's rules that yields anything yields what one of the conditions asks for."""
        found, before = [], list[Tree]()
        rules: tuple[OverlayRule, ...] = getattr(self._log_type.overlay, compares[0].field.removeprefix("m_"))
        for rule in rules:
            wanted = either(*(self._yields(rule, each) for each in compares))
            anything = self._yields_any(rule)
            found.append(both(wanted, *map(negated, before)))
            if wanted != anything:  # else the whole holds as soon as it yields
                before.append(anything)
        return either(*found)

    def _yields(self, rule: OverlayRule, compare: Compare) -> Tree:
        if isinstance(rule, str):
            return self._atom(rule, compare)
        if isinstance(rule, Case):
            return self._case(rule) if _fits(rule.then, compare) else NEVER
        keys = tuple(key for key, meaning in rule.map.items() if _fits(meaning, compare))
        known = Atom(rule.path, "", keys) if keys else NEVER
        if rule.default is None or not _fits(rule.default, compare):
            return known
        others = tuple(key for key, meaning in rule.map.items() if not _fits(meaning, compare))
        return both(Atom(rule.path, "exists"), negated(Atom(rule.path, "", others)) if others else ALWAYS)

    def _yields_any(self, rule: OverlayRule) -> Tree:
        if isinstance(rule, str):
            return Atom(rule, "exists")
        if isinstance(rule, Case):
            return self._case(rule)
        return Atom(rule.path, "exists") if rule.default else Atom(rule.path, "", tuple(rule.map))

    def _case(self, rule: Case) -> Tree:
        return both(*self._conditions(rule))

    def _conditions(self, rule: Case) -> Iterator[Tree]:
        for path, wanted in rule.when.items():
            if wanted is None or wanted == "*":
                there = Atom(path, "exists")
                yield there if wanted else negated(there)
            else:
                yield Atom(path, "", wanted if isinstance(wanted, tuple) else (wanted,))

    def _present(self, column: str) -> Tree:
        name = column.removeprefix("m_")
        if column.startswith("m_") and name in SCALARS:
            return either(*(self._yields_any(each) for each in getattr(self._log_type.overlay, name)))
        if column.startswith("m_") and name in INDICATORS:
            return either(*(Atom(path, "exists") for path in getattr(self._log_type.overlay, name)))
        return Atom(self._native(column), "exists")

    def _native(self, column: str) -> str:
        found = self._log_type.by_column.get(column)
        if found is None:
            raise CannotSay(f"events of {self._log_type.title} do not say {column} themselves")
        return found.spellings[0]

    def _atom(self, path: str, compare: Compare) -> Tree:
        kind = self._log_type.by_path[parse_path(path)].type
        if kind in ("date", "timestamp", "binary", "json"):
            raise CannotSay(f"a rule cannot compare {path}, which is of the type {kind}")
        values = compare.value if isinstance(compare.value, tuple) else (compare.value,)
        if compare.op in ("lt", "le", "gt", "ge") and kind not in _NUMBERS:
            raise CannotSay(f"a rule compares numbers alone by size, and {path} is none")
        return Atom(path, _MODIFIERS[compare.op], tuple(each for each in values if each is not None))


def _alike(filters: tuple[Filter, ...]) -> tuple[Compare, ...]:
    """The conditions, where all ask whether one of the overlay's columns has some value; else none."""
    found = tuple(each for each in filters if isinstance(each, Compare) and each.op in _MODIFIERS)
    fields = {each.field for each in found}
    scalar = len(fields) == 1 and fields <= {f"m_{name}" for name in SCALARS}
    return found if scalar and len(found) == len(filters) else ()


def _fits(meaning: str, compare: Compare) -> bool:
    """Whether a word of the overlay's closed vocabularies is what is asked for."""
    values = compare.value if isinstance(compare.value, tuple) else (compare.value,)
    texts, meaning = [str(each).lower() for each in values], meaning.lower()
    match compare.op:
        case "eq" | "in":
            return meaning in texts
        case "contains":
            return texts[0] in meaning
        case "starts":
            return meaning.startswith(texts[0])
        case "ends":
            return meaning.endswith(texts[0])
    raise CannotSay(f"a rule cannot ask whether {compare.field} {compare.op} {texts[0]!r}")
