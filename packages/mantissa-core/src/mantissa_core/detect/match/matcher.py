"""Rules over Arrow batches: the executor for streaming and for local data.

Each column is dictionary-encoded once per batch, each distinct predicate evaluated once over its distinct values.
A rule with a pinned equality looks at the rows that have one of the pinned values and is done at once where
the batch has none. ``And`` goes from cheap to dear over ever fewer rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.detect.ir.derive import fields, has_keywords, predicates
from mantissa_core.detect.ir.tree import And, FieldRef, Node, Not, Op, Or, Predicate
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import LogType

from .automaton import Automaton
from .bind import Binding, bind
from .field import Batch, Field, Rows
from .kernels import related_pairs
from .keywords import keyword_columns, keyword_mask
from .prefilter import MANY, Candidates, Cover, Prefilter
from .raw import raw_columns, tell_tales

NARROW = 3
"""An ``And`` goes on with the remaining rows alone once fewer than one in this many remain."""

FEW = 50
"""Rows that are fewer than one in this many need no rarer pin: reading another field would cost more."""

MOST = 0.3
"""The share of a batch's rows above which candidates are not worth being picked."""

_COST = {Op.EQ: 1, Op.NULL: 1, Op.EXISTS: 1, Op.WILDCARD: 4, Op.REGEX: 4, Op.CIDR: 6, Op.TIME: 6, Op.FIELD: 8}
_SLOW, _KEYWORD = 20, 100
_NONE = pa.array([], pa.uint64())


@dataclass(frozen=True, slots=True)
class Hits:
    """The rows of a batch that a rule matches, in order; ``error`` where evaluating it failed."""

    rule: Rule
    rows: pa.UInt64Array
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    rule: Rule
    tree: Node
    pins: tuple[Predicate, ...]
    covers: tuple[Cover, ...]


class Matcher:
    """Rules made ready for one log type's table. Keeps nothing between batches."""

    def __init__(self, rules: Sequence[Rule], log_type: LogType, *, many: int = MANY) -> None:
        self._log_type = log_type
        names = dict.fromkeys(name for rule in rules for name in fields(rule.ir))
        self._bindings: Mapping[str, Binding] = {name: bind(name, log_type) for name in names}
        columns = {name for name, binding in self._bindings.items() if binding.column is not None}
        self._in_json = Automaton(literal for rule in rules for literal in self._told(rule))
        self._prefilter = Prefilter(rules, columns, many)
        self._plans = [self._plan(rule) for rule in rules]
        self._keywords = any(has_keywords(rule.ir) for rule in rules)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rules need of every row."""
        bound = [name for binding in self._bindings.values() for name in binding.columns]
        return tuple(dict.fromkeys((*bound, *(keyword_columns(self._log_type) if self._keywords else ()))))

    def match(self, rows: pa.RecordBatch) -> Iterator[Hits]:
        """Yield the rules that match some row, and those that fail: a failing rule does not stop the others."""
        batch = Batch(rows, self._in_json)
        fields = {name: Field(batch, each) for name, each in self._bindings.items()}
        run = _Run(batch, self._log_type, fields, Candidates(self._prefilter, fields))
        for plan in self._plans:
            try:
                found = run.rows(plan)
            except Exception as error:  # noqa: BLE001  # reported with the rule; the others go on
                yield Hits(plan.rule, _NONE, error)
                continue
            if len(found):
                yield Hits(plan.rule, found)

    def _told(self, rule: Rule) -> Iterator[bytes]:
        """What is looked for in JSON text."""
        for predicate in predicates(rule.ir):
            if predicate.field is not None and raw_columns(self._bindings[predicate.field]) is not None:
                yield from (literal.encode() for literal in tell_tales(predicate) or ())

    def _plan(self, rule: Rule) -> _Plan:
        pinned = (pin for pin in rule.pins if pin.field is not None and self._bindings[pin.field].column is not None)
        return _Plan(rule, self._ordered(rule.ir), tuple(pinned), self._prefilter.covers(rule))

    def _ordered(self, node: Node) -> Node:
        if isinstance(node, Predicate):
            return node
        if isinstance(node, Not):
            return Not(self._ordered(node.child))
        return type(node)(tuple(sorted(map(self._ordered, node.children), key=self._cost)))

    def _cost(self, node: Node) -> int:
        if isinstance(node, Not):
            return self._cost(node.child)
        if isinstance(node, And | Or):
            return sum(map(self._cost, node.children))
        if node.field is None:
            return _KEYWORD
        slow = 0 if self._bindings[node.field].column else _SLOW
        return _COST.get(node.op, 2) * max(1, len(node.values) if node.op is not Op.EQ else 1) + slow


@dataclass(frozen=True, slots=True)
class _Run:
    """One batch under evaluation."""

    batch: Batch
    log_type: LogType
    fields: Mapping[str, Field]
    candidates: Candidates

    def rows(self, plan: _Plan) -> pa.UInt64Array:
        candidates = self._candidates(plan)
        if candidates is None:
            return pc.indices_nonzero(self.mask(plan.tree, None))
        if not len(candidates):
            return candidates
        found = candidates.filter(self.mask(plan.tree, candidates))
        return found.take(pc.array_sort_indices(found))

    def _candidates(self, plan: _Plan) -> Rows:
        """The rows that the rule's rarest pin or cover leaves, each once; ``None`` where that is most of them."""
        best: list[pa.UInt64Array] | None = None
        for pieces in self._limits(plan):
            if pieces is not None and (best is None or _total(pieces) < _total(best)):
                best = pieces
            if best is not None and _total(best) * FEW <= len(self.batch):
                break
        if best is None or _total(best) > MOST * len(self.batch):
            return None
        return pc.unique(pa.concat_arrays(best)) if best else _NONE

    def _limits(self, plan: _Plan) -> Iterator[list[pa.UInt64Array] | None]:
        """What each pin and cover leaves, in pieces; those that cost a search come last."""
        for pin in plan.pins:
            yield self.fields[str(pin.field)].rows_of(pin)
        for cover in sorted(plan.covers, key=self.candidates.searched):
            yield self.candidates.rows(cover)

    def mask(self, node: Node, rows: Rows) -> pa.BooleanArray:
        match node:
            case Predicate():
                return self._predicate(node, rows)
            case Not(child):
                return pc.invert(self.mask(child, rows))
            case Or(children):
                return reduce(pc.or_, (self.mask(child, rows) for child in children))
            case And(children):
                return self._all_of(children, rows)

    def _all_of(self, children: Sequence[Node], rows: Rows) -> pa.BooleanArray:
        mask = self.mask(children[0], rows)
        left = mask.true_count
        if not left or len(children) == 1:
            return mask
        if left * NARROW >= len(mask):
            return pc.and_(mask, self._all_of(children[1:], rows))
        chosen = pc.indices_nonzero(mask) if rows is None else rows.filter(mask)
        return pc.replace_with_mask(mask, mask, self._all_of(children[1:], chosen))

    def _predicate(self, predicate: Predicate, rows: Rows) -> pa.BooleanArray:
        if predicate.field is None:
            return keyword_mask(predicate, self.batch, self.log_type, rows)
        if predicate.op is not Op.FIELD:
            return self.fields[predicate.field].mask(predicate, rows)
        texts = self.fields[predicate.field].texts(rows)
        others = [
            (each, self.fields[each.field].texts(rows)) for each in predicate.values if isinstance(each, FieldRef)
        ]
        return reduce(pc.or_, (related_pairs(reference.op, texts, other) for reference, other in others))


def _total(pieces: Sequence[pa.Array]) -> int:
    return sum(map(len, pieces))
