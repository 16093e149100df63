"""The Arrow schema of a log type's rows: native columns, overlay, the rest of the event, partition."""

from __future__ import annotations

import pyarrow as pa

from mantissa_core.model import LogType
from mantissa_core.model.log_type import INDICATORS, SCALARS, ColumnType

TIMESTAMP = pa.timestamp("us", tz="UTC")
TEXTS = pa.list_(pa.string())

ARROW: dict[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": TIMESTAMP,
    "binary": pa.binary(),
    "list<string>": TEXTS,
    "json": pa.string(),
}

OVERLAY = (
    pa.field("m_id", pa.string(), nullable=False),
    pa.field("m_time", TIMESTAMP, nullable=False),
    pa.field("m_ingest_time", TIMESTAMP, nullable=False),
    pa.field("m_source", pa.string(), nullable=False),
    *(pa.field(f"m_{name}", pa.string()) for name in SCALARS),
    *(pa.field(f"m_{name}", TEXTS) for name in INDICATORS),
    pa.field("m_flags", TEXTS),
    pa.field("m_extra", pa.string()),
)


def row_schema(log_type: LogType) -> pa.Schema:
    """Return the schema of the rows that are made of events of ``log_type``, ``dt`` last."""
    native = [pa.field(column.column, ARROW[column.type]) for column in log_type.columns]
    return pa.schema([*native, *OVERLAY, pa.field("dt", pa.string(), nullable=False)])
