"""Which rows of JSON text can satisfy a predicate at all, told from the text as it is stored.

The value of a field inside a ``json`` column is looked up event by event, which costs a hundred times what a search
costs. What the value's text contains stands in the stored text too, if it lies inside one string: keys are sorted and
nulls dropped between strings, never within one. Stored text that escapes characters in its own way is always kept.
"""

from __future__ import annotations

import re
from functools import cached_property, reduce

import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.detect.ir import derive
from mantissa_core.detect.ir.text import fold
from mantissa_core.detect.ir.tree import Predicate

from .automaton import Automaton
from .bind import EXTRA, Binding
from .kernels import Texts

_INSIDE = re.compile(r"[a-z0-9 _.@+*=-]+")
"""Characters that a JSON string may hold as they are and that end no string; in lower case."""

_NO_NUMBER = re.compile(r"[a-df-z]")
"""A letter that no number has: numbers are rewritten (``1e3`` is ``1000``), strings are not."""

ESCAPES = ("\\u", "\\/")
"""Ways to write a character that the value's text writes otherwise."""

FEWER = 4
"""Texts are searched all at once unless fewer than one in this many are asked for."""


class RawColumn:
    """A column of JSON text in one batch. ``automaton`` finds what all rules look for at once."""

    def __init__(self, column: pa.DictionaryArray, automaton: Automaton) -> None:
        self._codes, self._texts = column.indices, Texts(column.dictionary)
        self._automaton = automaton

    def having(self, literals: tuple[str, ...], rows: pa.UInt64Array | None) -> pa.BooleanArray:
        """Which of ``rows`` have one of the folded literals in their text, or escapes."""
        codes = self._codes if rows is None else self._codes.take(rows)
        wanted = [literal.encode() for literal in literals]
        if len(codes) * FEWER < len(self._texts) or not self._automaton.knows(wanted):
            texts = self._texts.at(codes)
            return pc.or_(_any(texts.array, ESCAPES), _any(texts.folded, literals)).fill_null(False)
        escaped = self._escaped.take(codes).fill_null(False)
        found = {number for literal in wanted for number in self._occurrences.get(literal, ())}
        return pc.or_(escaped, pc.is_in(codes, value_set=pa.array(found, codes.type)))

    @cached_property
    def _occurrences(self) -> dict[bytes, list[int]]:
        return self._automaton.search(self._texts.folded)

    @cached_property
    def _escaped(self) -> pa.BooleanArray:
        return _any(self._texts.array, ESCAPES)


def tell_tales(predicate: Predicate) -> tuple[str, ...] | None:
    """Folded literals of which the stored text has one wherever the predicate holds; ``None`` where nothing tells."""
    found = []
    for _, literal in derive.literals(predicate) or ():
        inside = max(_INSIDE.findall(fold(literal)), key=len, default="")
        if len(inside) < derive.SHORTEST_WITNESS or not _NO_NUMBER.search(inside):
            return None
        found.append(inside)
    return tuple(sorted(found)) or None


def raw_columns(binding: Binding) -> tuple[str, ...] | None:
    """The columns of JSON text that alone hold the field, ``m_extra`` among them; ``None`` where others do."""
    if binding.column is not None or any(column.type != "json" for column in binding.related):
        return None
    return (*(column.column for column in binding.related), EXTRA)


def _any(texts: pa.StringArray, literals: tuple[str, ...]) -> pa.BooleanArray:
    return reduce(pc.or_, (pc.match_substring(texts, literal) for literal in literals))
