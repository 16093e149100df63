"""The one mapping between a log type's column types, Arrow, Delta and SQL, and the layout of a row.

Every timestamp is in microseconds and UTC: one without a zone, or in nanoseconds, would raise the table's
reader version above 1 and shut out engines (Delta protocol, "timestampNtz").
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from mantissa_core.errors import LakeError
from mantissa_core.model.log_type import INDICATORS, SCALARS, LogType

PARTITION = "dt"
"""The partition column: the event's UTC date as ``YYYY-MM-DD``. In the rows, never in the files."""

TIMESTAMP = pa.timestamp("us", "UTC")
STRINGS = pa.list_(pa.string())


@dataclass(frozen=True, slots=True)
class StoredType:
    """One column type under its four names. ``sql`` is DuckDB's."""

    name: str
    arrow: pa.DataType
    delta: str
    sql: str


STORED_TYPES = (
    StoredType("string", pa.string(), "string", "VARCHAR"),
    StoredType("bool", pa.bool_(), "boolean", "BOOLEAN"),
    StoredType("int32", pa.int32(), "integer", "INTEGER"),
    StoredType("int64", pa.int64(), "long", "BIGINT"),
    StoredType("double", pa.float64(), "double", "DOUBLE"),
    StoredType("date", pa.date32(), "date", "DATE"),
    StoredType("timestamp", TIMESTAMP, "timestamp", "TIMESTAMP WITH TIME ZONE"),
    StoredType("binary", pa.binary(), "binary", "BLOB"),
    StoredType("list<string>", STRINGS, "array<string>", "VARCHAR[]"),
)

_BY_NAME = {stored.name: stored for stored in STORED_TYPES} | {"json": STORED_TYPES[0]}


def stored_type(name: str) -> StoredType:
    """Return what a log type's column type is stored as. ``LakeError`` for any other word."""
    if name not in _BY_NAME:
        raise LakeError(f"column type {name!r} is not stored: use one of {', '.join(sorted(_BY_NAME))}")
    return _BY_NAME[name]


def stored_as(arrow: pa.DataType, where: str = "") -> StoredType:
    """Return the stored type of an Arrow type. ``LakeError``, with ``where`` before it, for any other.

    Lists are compared by their element type: their child's name differs between writers and means nothing.
    """
    plain = pa.list_(arrow.value_type) if pa.types.is_list(arrow) else arrow
    for stored in STORED_TYPES:
        if stored.arrow == plain:
            return stored
    raise LakeError(
        f"{where}Arrow type {arrow} is not stored: use one of {', '.join(str(t.arrow) for t in STORED_TYPES)}"
    )


def _required(name: str, arrow: pa.DataType) -> pa.Field:
    return pa.field(name, arrow, nullable=False)


ROW_KEYS = (_required("m_id", pa.string()), _required("m_time", TIMESTAMP), _required("m_ingest_time", TIMESTAMP))
"""What every table has: identity, event time, time of ingestion."""

OVERLAY = (
    *ROW_KEYS,
    _required("m_source", pa.string()),
    *(pa.field(f"m_{name}", pa.string()) for name in SCALARS),
    *(pa.field(f"m_{name}", STRINGS) for name in INDICATORS),
    pa.field("m_flags", STRINGS),
    pa.field("m_extra", pa.string()),
)
"""The columns that every event table has after its native ones, in this order."""


def schema_of(log_type: LogType) -> pa.Schema:
    """Return the columns of a log type's table: the native ones, then the overlay; without ``dt``."""
    native = [pa.field(column.column, stored_type(column.type).arrow) for column in log_type.columns]
    return pa.schema([*native, *OVERLAY])
