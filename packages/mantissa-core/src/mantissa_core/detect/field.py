"""One field over one batch: its texts, read as far as they are asked for, and predicates on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, reduce
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.model.log_type import ColumnType
from mantissa_core.parse.scalars import from_column

from . import lookup
from .bind import EXTRA, Binding
from .ir import Op, Predicate
from .kernels import Texts, passing
from .text import text_of

Rows: TypeAlias = pa.UInt64Array | None
"""Row numbers within the batch; ``None`` for all of them."""

_FRACTION = r"^-?[0-9]+(\.[0-9]|[eE])|^-0"
"""Numbers whose text depends on how they were written; a promoted column has it as written."""


class Batch:
    """A record batch whose columns are known by name; one that is absent is null."""

    def __init__(self, rows: pa.RecordBatch) -> None:
        self.rows = rows
        self._names = {name: index for index, name in enumerate(rows.schema.names)}

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def column(self, name: str, rows: Rows = None) -> pa.Array:
        """The column's values in ``rows``."""
        index = self._names.get(name)
        if index is None:
            return pa.nulls(len(self) if rows is None else len(rows), pa.string())
        column = self.rows.column(index)
        return column if rows is None else column.take(rows)

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
        texts = self.texts(rows)
        if predicate.op in {Op.NULL, Op.EXISTS}:
            return _absent(texts) if predicate.op is Op.NULL else pc.invert(_absent(texts))
        if self._codes is None:
            return passed(predicate, texts)
        codes = self._codes if rows is None else self._codes.take(rows)
        return self._table(predicate).take(codes).fill_null(False)

    def texts(self, rows: Rows) -> pa.Array:
        """The texts in ``rows``: strings or lists of strings, null where there is none."""
        if rows is None:
            return self._all
        self._asked += len(rows)
        if "_all" in self.__dict__ or (self._binding.column is not None and self._asked * 2 > len(self._batch)):
            return self._all.take(rows)
        return self._read(rows)

    def rows_of(self, predicate: Predicate) -> list[pa.UInt64Array] | None:
        """The rows that satisfy an equality, in pieces; ``None`` where no index can tell."""
        if self._index is None:
            return None
        order, spans = self._index
        found = pc.indices_nonzero(self._table(predicate)).to_pylist()
        return [order.slice(*spans[code]) for code in found]

    def _table(self, predicate: Predicate) -> pa.BooleanArray:
        """Which of the distinct texts satisfy the predicate, worked out once for the batch."""
        if (table := self._tables.get(predicate)) is None:
            table = self._tables[predicate] = passing(predicate, self._dictionary)
        return table

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
        return self._all.dictionary_encode()

    @cached_property
    def _dictionary(self) -> Texts:
        return Texts(self._encoded.dictionary)

    @cached_property
    def _index(self) -> tuple[pa.UInt64Array, list[tuple[int, int]]] | None:
        """Row numbers in the order of their codes, and where each code's begin and how many they are."""
        if pa.types.is_list(self._all.type):
            return None
        codes = self._encoded.indices
        order = pc.sort_indices(codes)
        counts = pc.value_counts(codes.drop_null()).to_pylist()
        spans, begin = [(0, 0)] * len(self._encoded.dictionary), 0
        for entry in sorted(counts, key=lambda each: each["values"]):
            spans[entry["values"]] = (begin, entry["counts"])
            begin += entry["counts"]
        return order, spans

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
        return as_texts(self._batch.column(column.column, rows), column.type)

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
            unsettled = pc.or_(unsettled, pc.match_substring_regex(texts, _FRACTION).fill_null(False))
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
