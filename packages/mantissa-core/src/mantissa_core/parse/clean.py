"""The fast path: which records are as declared, and their rows."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.errors import BadRecord

from .columns import Bindings, Columns
from .json_text import MAX_DEPTH, refuse_extremes
from .layout import Layout
from .strict import fast_fields, strict_decoder

SMALLEST_SPLIT = 64
"""A batch that DuckDB refuses is halved until the culprit is among so few records."""


class CleanReader:
    """Finds the records that lose nothing on the fast path, and reads them."""

    def __init__(self, layout: Layout) -> None:
        fields = fast_fields(layout)
        self._json = [column for column in layout.stored if column.type == "json"]
        self._decoder = strict_decoder(fields) if fields else None
        self.columns = Columns(layout, fields)

    def read(self, records: Sequence[bytes], bindings: Bindings) -> tuple[list[pa.Table], list[int]]:
        """Return tables and, in the order of their rows, the indices of the records that they hold."""
        return self._read(records, self._find_clean(records), bindings)

    def _find_clean(self, records: Sequence[bytes]) -> list[int]:
        if self._decoder is None:
            return []
        decode = self._decoder.decode
        clean: list[int] = []
        for index, record in enumerate(records):
            try:
                decode(record)
            except (msgspec.DecodeError, ValueError, RecursionError):
                continue  # the slow path takes it, and says what is wrong with it
            clean.append(index)
        return clean

    def _read(self, records: Sequence[bytes], clean: list[int], bindings: Bindings) -> tuple[list[pa.Table], list[int]]:
        if not clean:
            return [], []
        lines = _on_one_line_each([records[index] for index in clean])
        try:
            table = self.columns.from_lines(lines, bindings)
        except duckdb.Error:
            return self._read_halves(records, clean, bindings)
        if extreme := self._extreme(table):
            return self._read(records, [index for row, index in enumerate(clean) if row not in extreme], bindings)
        return [table], clean

    def _read_halves(
        self, records: Sequence[bytes], clean: list[int], bindings: Bindings
    ) -> tuple[list[pa.Table], list[int]]:
        if len(clean) <= SMALLEST_SPLIT:
            return [], []
        middle = len(clean) // 2
        first, second = (self._read(records, half, bindings) for half in (clean[:middle], clean[middle:]))
        return first[0] + second[0], first[1] + second[1]

    def _extreme(self, table: pa.Table) -> set[int]:
        """Find rows with extreme JSON text. Only ``json`` columns can hold it; counting in whole records is slower."""
        rows: set[int] = set()
        for column in self._json:
            texts = table[column.column]
            shortest = 2 * (MAX_DEPTH - len(column.keys))  # every level is opened and closed
            long = pc.indices_nonzero(pc.greater(pc.binary_length(texts), shortest))
            for row, text in zip(long.to_pylist(), texts.take(long).to_pylist(), strict=True):
                try:
                    refuse_extremes(text.encode(), above=len(column.keys))
                except BadRecord:
                    rows.add(row)
        return rows


def _on_one_line_each(records: list[bytes]) -> list[bytes]:
    return [msgspec.json.format(record, indent=-1) if b"\n" in record else record for record in records]
