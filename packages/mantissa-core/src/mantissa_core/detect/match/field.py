"""One field over one batch: its texts, read as far as they are asked for, and predicates on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, reduce
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.detect.ir.text import fold, text_of
from mantissa_core.detect.ir.tree import Op, Predicate
from mantissa_core.model.log_type import ColumnType
from mantissa_core.parse.scalars import from_column

from . import lookup
from .automaton import Automaton
from .bind import EXTRA, Binding
from .kernels import Texts, passing
from .raw import RawColumn, raw_columns, tell_tales

Rows: TypeAlias = pa.UInt64Array | None
"""Row numbers within the batch; ``None`` for all of them."""

_FRACTION = r"^-?[0-9]+(\.[0-9]|[eE])|^-0"
"""Numbers whose text depends on how they were written; a promoted column has it as written."""

SLICES = 64
"""Distinct texts above which their rows are picked out of all rows, and not put together from the index."""

FEWER = 4
"""A predicate on fewer rows than one for this many distinct texts is worked out for these rows alone."""


class Batch:
    """A record batch whose columns are known by name; one that is absent is null.

    ``literals`` are what will be looked for in columns of JSON text.
    """

    def __init__(self, rows: pa.RecordBatch, literals: Automaton | None = None) -> None:
        self.rows = rows
        self._literals = literals or Automaton(())
        self._names = {name: index for index, name in enumerate(rows.schema.names)}
        self._raw: dict[str, RawColumn] = {}

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def column(self, name: str, rows: Rows = None) -> pa.Array:
        """The column's values in ``rows``."""
        values = self.stored(name)
        return _decoded(values if rows is None else values.take(rows))

    def stored(self, name: str) -> pa.Array:
        """The column as it was read, perhaps dictionary-encoded."""
        index = self._names.get(name)
        return pa.nulls(len(self), pa.string()) if index is None else self.rows.column(index)

    def raw(self, name: str) -> RawColumn:
        """A column of JSON text, to be searched as it stands."""
        if (found := self._raw.get(name)) is None:
            found = self._raw[name] = RawColumn(_with_dictionary(self.stored(name)), self._literals)
        return found

    def count(self, rows: Rows) -> int:
        """How many rows these are."""
        return len(self) if rows is None else len(rows)


class Field:
    """A field's texts: one array of strings, or of lists of them where some row has several."""

    def __init__(self, batch: Batch, binding: Binding) -> None:
        self._batch = batch
        self._binding = binding
        self._asked = 0
        self._tables: dict[Predicate, pa.BooleanArray] = {}
        self._slow: dict[int, list[str]] = {}
        self._known: dict[tuple[Any, ...], list[str]] = {}

    def mask(self, predicate: Predicate, rows: Rows) -> pa.BooleanArray:
        """Which of ``rows`` satisfy the predicate (any operator but ``FIELD``)."""
        if predicate.op in {Op.NULL, Op.EXISTS}:
            absent = _absent(self.texts(rows))
            return absent if predicate.op is Op.NULL else pc.invert(absent)
        if self._codes is None and (possible := self._possible(predicate, rows)) is not None:
            chosen = pc.indices_nonzero(possible) if rows is None else rows.filter(possible)
            return pc.replace_with_mask(possible, possible, passed(predicate, self.texts(chosen)))
        if self._codes is None:
            texts = self.texts(rows)
            if self._codes is None:
                return passed(predicate, texts)
        codes = self._codes if rows is None else self._codes.take(rows)
        if len(codes) * FEWER < len(self._dictionary) and predicate not in self._tables:
            return passing(predicate, self._dictionary.at(codes))
        return self.table(predicate).take(codes).fill_null(False)

    def texts(self, rows: Rows) -> pa.Array:
        """The texts in ``rows``: strings or lists of strings, null where there is none."""
        if rows is None:
            return _decoded(self._all)
        self._asked += len(rows)
        if "_all" in self.__dict__ or (self._binding.column is not None and self._asked * 2 > len(self._batch)):
            return _decoded(self._all.take(rows))
        return self._read(rows)

    @cached_property
    def distinct(self) -> int | None:
        """How many distinct texts there are; ``None`` where some row has several. Reads all rows."""
        return None if pa.types.is_list(self._all.type) else len(self._dictionary)

    @property
    def folded(self) -> pa.StringArray:
        """The distinct texts in lower case, where no row has several."""
        return self._dictionary.folded

    def rows_of(self, predicate: Predicate) -> list[pa.UInt64Array] | None:
        """The rows that satisfy a predicate, in pieces; ``None`` where no index can tell."""
        if self.distinct is None:
            return None
        return self.rows_at(self._codes_of(predicate))

    def rows_at(self, codes: Sequence[int]) -> list[pa.UInt64Array]:
        """The rows that have one of some distinct texts, named by their numbers, in pieces."""
        if not codes:
            return []
        order, starts = self._index
        if len(codes) > SLICES:
            wanted = pc.is_in(self._encoded.indices, value_set=pa.array(codes, self._encoded.indices.type))
            return [pc.indices_nonzero(wanted)]
        return [order.slice(starts[code], starts[code + 1] - starts[code]) for code in codes]

    def _codes_of(self, predicate: Predicate) -> Sequence[int]:
        """The numbers of the distinct texts that satisfy the predicate. Plain equality is looked up one by one:

        most rules' pins occur in no row, and a dictionary says so in a fraction of what a kernel's call costs.
        """
        if predicate.op is Op.EQ and not predicate.cased and all(isinstance(each, str) for each in predicate.values):
            return [code for each in predicate.values for code in self._by_folded.get(fold(str(each)), ())]
        codes: list[int] = pc.indices_nonzero(self.table(predicate)).to_pylist()
        return codes

    @cached_property
    def _by_folded(self) -> dict[str, list[int]]:
        """The numbers of the distinct texts by their lower case."""
        found: dict[str, list[int]] = {}
        for code, text in enumerate(self.folded.to_pylist()):
            found.setdefault(text, []).append(code)
        return found

    def table(self, predicate: Predicate) -> pa.BooleanArray:
        """Which of the distinct texts satisfy the predicate, worked out once for the batch."""
        if (table := self._tables.get(predicate)) is None:
            table = self._tables[predicate] = passing(predicate, self._dictionary)
        return table

    def _possible(self, predicate: Predicate, rows: Rows) -> pa.BooleanArray | None:
        """Which of ``rows`` the predicate may hold for, where their JSON text tells; ``None`` where it does not."""
        if self._raw_columns is None or (literals := tell_tales(predicate)) is None:
            return None
        return reduce(pc.or_, (self._batch.raw(name).having(literals, rows) for name in self._raw_columns))

    @cached_property
    def _raw_columns(self) -> tuple[str, ...] | None:
        return raw_columns(self._binding)

    @cached_property
    def _all(self) -> pa.Array:
        return self._read(None)

    @property
    def _codes(self) -> pa.Int32Array | None:
        """Each row's text as a number in the dictionary, once all rows were read and none has several."""
        if "_all" not in self.__dict__ or pa.types.is_list(self._all.type):
            return None
        return self._encoded.indices

    @cached_property
    def _encoded(self) -> pa.DictionaryArray:
        return _with_dictionary(self._all)

    @cached_property
    def _dictionary(self) -> Texts:
        return Texts(self._encoded.dictionary)

    @cached_property
    def _index(self) -> tuple[pa.UInt64Array, list[int]]:
        """Row numbers in the order of their codes, and where each code's begin; one more number ends the last."""
        codes = self._encoded.indices
        every = pa.array(range(len(self._encoded.dictionary)), codes.type)  # a dictionary may hold more than occurs
        values, counts = pc.value_counts(pa.concat_arrays([codes.drop_null(), every])).flatten()
        ends = pc.cumulative_sum(pc.subtract(counts.take(pc.sort_indices(values)), 1))
        return pc.sort_indices(codes), [0, *ends.to_pylist()]

    def _read(self, rows: Rows) -> pa.Array:
        texts = self._column(rows)
        slow = self._slow_rows(texts, rows)
        if not len(slow):
            return texts
        return _patched(texts, slow.to_pylist(), self._looked_up(slow if rows is None else rows.take(slow)))

    def _column(self, rows: Rows) -> pa.Array:
        """What the field's own column says."""
        column = self._binding.column
        if column is None:
            return pa.nulls(self._batch.count(rows), pa.string())
        values = self._batch.stored(column.column) if rows is None else self._batch.column(column.column, rows)
        return as_texts(values, column.type)

    def _slow_rows(self, texts: pa.Array, rows: Rows) -> pa.UInt64Array:
        """The places in ``texts`` for which JSON text may have more to say than the column."""
        places = pc.indices_nonzero(self._unsettled(texts))
        if not len(places):
            return places
        return places.filter(self._named(places if rows is None else rows.take(places)))

    def _unsettled(self, texts: pa.Array) -> pa.BooleanArray:
        if self._binding.respelled:
            return pa.repeat(True, len(texts))
        unsettled = texts.is_null()
        if self._binding.repeats:
            fractions = pc.match_substring_regex(_decoded(texts), _FRACTION).fill_null(False)
            unsettled = pc.or_(unsettled, fractions)
        return unsettled

    def _named(self, rows: pa.UInt64Array) -> pa.BooleanArray:
        """Which of ``rows`` have the field in JSON text."""
        masks = [self._batch.column(name, rows).is_valid() for name in self._binding.parts]
        for name in self._binding.texts:
            text = self._batch.column(name, rows)
            if text.null_count < len(text):
                masks += [pc.match_substring(text, needle).fill_null(False) for needle in self._binding.needles]
        return reduce(pc.or_, masks, pa.repeat(False, len(rows)))

    def _looked_up(self, rows: pa.UInt64Array) -> list[list[str]]:
        numbers = rows.to_pylist()
        missing = [number for number in numbers if number not in self._slow]
        if missing:
            self._slow.update(zip(missing, self._from_events(pa.array(missing, pa.uint64())), strict=True))
        return [self._slow[number] for number in numbers]

    def _from_events(self, rows: pa.UInt64Array) -> Iterator[list[str]]:
        """Rebuild the events of ``rows`` as far as the field is concerned, equal ones once, and look it up."""
        binding = self._binding
        names = [column.column for column in binding.related]
        columns = [self._batch.column(name, rows).to_pylist() for name in names]
        for *parts, extra in zip(*columns, self._batch.column(EXTRA, rows).to_pylist(), strict=True):
            row = dict(zip(names, parts, strict=True))
            if extra is not None and any(needle in extra for needle in binding.needles):
                row[EXTRA] = extra
            key = tuple(tuple(part) if isinstance(part, list) else part for part in row.values())
            if (known := self._known.get(key)) is None:
                known = self._known[key] = lookup.texts(binding.rebuilder.rebuild(row), binding.paths)
            yield known


def passed(predicate: Predicate, texts: pa.Array) -> pa.BooleanArray:
    """Which of the rows whose texts these are (strings or lists of them) satisfy the predicate."""
    if not pa.types.is_list(texts.type):
        return passing(predicate, Texts(texts))
    hits = pc.list_parent_indices(texts).filter(passing(predicate, Texts(pc.list_flatten(texts))))
    return pc.is_in(pa.array(range(len(texts)), hits.type), value_set=hits)


def _decoded(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _with_dictionary(values: pa.Array) -> pa.DictionaryArray:
    """Dictionary-encoded; anew where most texts of the dictionary may be those of other batches of the file."""
    if pa.types.is_dictionary(values.type) and len(values.dictionary) * 2 <= len(values):
        return values
    return _decoded(values).dictionary_encode()


def as_texts(column: pa.Array, kind: ColumnType) -> pa.Array:
    """A column's values as texts: strings, or lists of them."""
    if kind in {"string", "json", "list<string>"}:
        return column
    if kind in {"bool", "int32", "int64"}:
        return column.cast(pa.string())
    values = (None if value is None else text_of(from_column(value, kind)) for value in column.to_pylist())
    return pa.array(values, pa.string())


def _absent(texts: pa.Array) -> pa.BooleanArray:
    if not pa.types.is_list(texts.type):
        return texts.is_null()
    return pc.equal(pc.list_value_length(texts), 0).fill_null(True)


def _patched(texts: pa.Array, numbers: Sequence[int], found: Sequence[list[str]]) -> pa.Array:
    """``texts`` with ``found[i]`` at ``numbers[i]``; lists where some row has several."""
    values = texts.to_pylist()
    if pa.types.is_list(texts.type) or any(len(each) > 1 for each in found):
        lists = [value if isinstance(value, list) else [] if value is None else [value] for value in values]
        for number, each in zip(numbers, found, strict=True):
            lists[number] = each
        return pa.array(lists, pa.list_(pa.string()))
    for number, each in zip(numbers, found, strict=True):
        values[number] = each[0] if each else None
    return pa.array(values, pa.string())
