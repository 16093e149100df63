"""Candidate rows of rules that pin nothing: those in which some literal of the rule occurs.

Every match satisfies one predicate of each of a rule's *covers* (:func:`.derive.covers`). Where a field has few
distinct texts in a batch, a predicate's rows are known exactly. Where it has many, one automaton per field
(Aho-Corasick) finds the literals of all rules in one pass over the folded texts: a text without the literal cannot
satisfy the predicate, be it cased or not, so no match is lost, and the rule itself decides on the rows that remain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.detect.ir import derive
from mantissa_core.detect.ir.text import fold
from mantissa_core.detect.ir.tree import Predicate
from mantissa_core.detect.rules.rule import Rule

from .automaton import Automaton
from .field import Field

MANY = 2_000
"""Distinct texts above which literals are searched for all rules at once, and not predicate by predicate."""

SHORTEST = 3
"""Bytes of an ASCII literal that is searched for; shorter ones occur in so many texts that nothing is gained."""


@dataclass(frozen=True, slots=True)
class Part:
    """The predicates of a cover on one field. ``literals``: one of them is in every text that satisfies one."""

    field: str
    predicates: tuple[Predicate, ...]
    literals: tuple[bytes, ...] | None


Cover = tuple[Part, ...]


class Prefilter:
    """The covers of one log type's rules and the automata over their literals, made when first needed."""

    def __init__(self, rules: Iterable[Rule], fields: Collection[str], many: int = MANY) -> None:
        self.many = many
        self._covers = {id(rule): _covers(rule, fields) for rule in rules}
        self._automata: dict[str, Automaton] = {}

    def covers(self, rule: Rule) -> tuple[Cover, ...]:
        """The rule's covers, one for each set of fields: any of them limits the rows."""
        return self._covers[id(rule)]

    def automaton(self, field: str) -> Automaton:
        """What finds all rules' literals in texts of ``field``."""
        if (found := self._automata.get(field)) is None:
            parts = (part for covers in self._covers.values() for cover in covers for part in cover)
            found = Automaton(literal for part in parts if part.field == field for literal in part.literals or ())
            self._automata[field] = found
        return found


class Candidates:
    """One batch: which rows covers leave, each literal searched for once."""

    def __init__(self, prefilter: Prefilter, fields: Mapping[str, Field]) -> None:
        self._prefilter, self._fields = prefilter, fields
        self._occurrences: dict[str, dict[bytes, list[int]]] = {}

    def rows(self, cover: Cover) -> list[pa.UInt64Array] | None:
        """The rows of which every match is one, in pieces that may overlap; ``None`` where they are not limited."""
        pieces: list[pa.UInt64Array] = []
        for part in cover:
            found = self._codes(part)
            if found is None:
                return None
            pieces += self._fields[part.field].rows_at(found)
        return pieces

    def searched(self, cover: Cover) -> bool:
        """Whether some field of the cover has that many texts that literals must be searched for."""
        return any((self._fields[part.field].distinct or 0) > self._prefilter.many for part in cover)

    def _codes(self, part: Part) -> Sequence[int] | None:
        field = self._fields[part.field]
        if field.distinct is None:
            return None
        if field.distinct <= self._prefilter.many:
            tables = reduce(pc.or_, (field.table(predicate) for predicate in part.predicates))
            codes: list[int] = pc.indices_nonzero(tables).to_pylist()
            return codes
        if part.literals is None:
            return None
        if (occurrences := self._occurrences.get(part.field)) is None:
            occurrences = self._prefilter.automaton(part.field).search(field.folded)
            self._occurrences[part.field] = occurrences
        return list({number for literal in part.literals for number in occurrences.get(literal, ())})


def _covers(rule: Rule, fields: Collection[str]) -> tuple[Cover, ...]:
    """The most selective cover for each set of fields, of those on ``fields`` alone."""
    best: dict[frozenset[str], tuple[tuple[int, int], Cover]] = {}
    for predicates in derive.covers(rule.ir):
        names = frozenset(str(predicate.field) for predicate in predicates)
        if names <= set(fields):
            cover = tuple(_part(name, [each for each in predicates if each.field == name]) for name in sorted(names))
            best[names] = max(best.get(names, ((-1, 0), ())), (_selectivity(cover), cover), key=lambda each: each[0])
    return tuple(cover for _, cover in best.values())


def _part(field: str, predicates: Sequence[Predicate]) -> Part:
    literals: dict[bytes, None] = {}
    for predicate in predicates:
        found = [fold(literal).encode() for _, literal in derive.literals(predicate) or ()]
        if not found or any(len(each) < SHORTEST and each.isascii() for each in found):
            return Part(field, tuple(predicates), None)
        literals.update(dict.fromkeys(found))
    return Part(field, tuple(predicates), tuple(literals))


def _selectivity(cover: Cover) -> tuple[int, int]:
    """The longer the shortest literal, the fewer texts have it."""
    literals = [part.literals for part in cover]
    if None in literals:
        return 0, -len(cover)
    every = [literal for each in literals for literal in each or ()]
    return min(map(len, every)), -len(every)
