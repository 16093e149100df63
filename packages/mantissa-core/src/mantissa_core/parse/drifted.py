"""The slow path: records that are not as declared, or no usable events at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from mantissa_core.errors import BadRecord

from .flatten import Flattener
from .json_text import dumps, loads
from .layout import Layout
from .schema import ARROW

_FURTHER = (
    pa.field("m_extra", pa.string()),
    pa.field("m_drift", pa.bool_()),
    pa.field("m_row", pa.int64()),
)


@dataclass
class Flattened:
    """``table`` has the stored columns, ``m_extra``, ``m_drift`` and ``m_row`` of the records at ``kept``.

    ``refused`` are pairs (index, reason).
    """

    table: pa.Table
    kept: list[int] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    drift: Counter[str] = field(default_factory=Counter)


class DriftedReader:
    """Takes any record of one log type apart, or says why it cannot be."""

    def __init__(self, layout: Layout) -> None:
        self._flattener = Flattener(layout)
        stored = [pa.field(column.column, ARROW[column.type]) for column in layout.stored]
        self._schema = pa.schema([*stored, *_FURTHER])

    def read(self, records: Sequence[bytes], indices: Iterable[int]) -> Flattened:
        """Read ``records[i]`` for every ``i`` of ``indices``."""
        result = Flattened(self._schema.empty_table())
        rows: list[dict[str, Any]] = []
        for index in indices:
            try:
                columns, extra, drift = self._flattener.flatten(loads(records[index]))
            except BadRecord as error:
                result.refused.append((index, str(error)))
                continue
            columns["m_extra"] = None if extra is None else dumps(extra)
            columns["m_drift"] = bool(drift)
            columns["m_row"] = index
            rows.append(columns)
            result.kept.append(index)
            result.drift.update(drift)
        if rows:
            result.table = self._table(rows)
        return result

    def _table(self, rows: Sequence[dict[str, Any]]) -> pa.Table:
        arrays = [pa.array([row.get(name) for row in rows], type_) for name, type_ in _types(self._schema)]
        return pa.table(arrays, schema=self._schema)


def _types(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return list(zip(schema.names, schema.types, strict=True))
