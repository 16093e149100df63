"""Keywords over one batch: every scalar of every event, wherever it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.detect.ir.tree import Op, Predicate
from mantissa_core.model import Column, LogType

from . import lookup
from .bind import EXTRA
from .field import Batch, Rows, as_texts, passed


def keyword_columns(log_type: LogType) -> tuple[str, ...]:
    """The columns that together hold every scalar of an event once."""
    return (*(column.column for column in _stored(log_type)), EXTRA)


def keyword_mask(predicate: Predicate, batch: Batch, log_type: LogType, rows: Rows) -> pa.BooleanArray:
    """Which of ``rows`` have a scalar that satisfies the predicate; ``EXISTS``: any at all."""
    return reduce(pc.or_, (_passes(predicate, texts) for texts in _texts(batch, log_type, rows)))


def _passes(predicate: Predicate, texts: pa.Array) -> pa.BooleanArray:
    if predicate.op is not Op.EXISTS:
        return passed(predicate, texts)
    if pa.types.is_list(texts.type):
        return pc.greater(pc.list_value_length(texts), 0).fill_null(False)
    return texts.is_valid()


def _texts(batch: Batch, log_type: LogType, rows: Rows) -> Iterator[pa.Array]:
    for column in _stored(log_type):
        values = batch.column(column.column, rows)
        yield _leaves(values) if column.type == "json" else as_texts(values, column.type)
    yield _leaves(batch.column(EXTRA, rows))


def _stored(log_type: LogType) -> list[Column]:
    return [column for column in log_type.columns if log_type.json_parent(column) is None]


def _leaves(texts: pa.Array) -> pa.Array:
    if texts.null_count == len(texts):
        return texts
    distinct = texts.dictionary_encode()
    lists = [list(lookup.leaves(json.loads(text))) for text in distinct.dictionary.to_pylist()]
    return pa.array(lists, pa.list_(pa.string())).take(distinct.indices)
