"""What a table must look like."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from mantissa_core.errors import LakeError
from mantissa_core.model.log_type import LogType, NativeId, parse_path

from .types import PARTITION, ROW_KEYS, schema_of, stored_as


@dataclass(frozen=True)
class TableSpec:
    """A table's name, columns (without ``dt``), sort order within a day, and whether ``m_id`` is the vendor's own.

    ``LakeError`` where a column's type is not stored, a row key is missing, or names differ by case only.
    """

    name: str
    schema: pa.Schema
    cluster: tuple[str, ...] = ()
    native_ids: bool = False

    def __post_init__(self) -> None:
        for field in ROW_KEYS:
            if field.name not in self.schema.names or self.schema.field(field.name) != field:
                raise LakeError(f"table {self.name}: column {field.name} must be {field.type}, not null")
        seen: set[str] = {PARTITION}
        for field in self.schema:
            stored_as(field.type, f"table {self.name}, column {field.name}: ")
            if field.name.lower() in seen:
                raise LakeError(f"table {self.name}: two columns are called {field.name!r} without regard to case")
            seen.add(field.name.lower())
        if unknown := set(self.cluster) - set(self.schema.names):
            raise LakeError(f"table {self.name}: it cannot be sorted by {', '.join(sorted(unknown))}: no such column")

    @property
    def stats_columns(self) -> tuple[str, ...]:
        """The columns whose least and greatest value the log keeps for each file."""
        return tuple(dict.fromkeys(("m_time", "m_ingest_time", *self.cluster)))

    def __hash__(self) -> int:
        return hash((self.name, tuple(self.schema.names), self.cluster, self.native_ids))


def table_spec(log_type: LogType) -> TableSpec:
    """Return the table that holds events of ``log_type``."""
    cluster = tuple(log_type.by_path[parse_path(text)].column for text in log_type.cluster)
    return TableSpec(log_type.table, schema_of(log_type), cluster, isinstance(log_type.id, NativeId))
