"""Rows as CSV and Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes spreadsheets take a text for a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""


def csv_text(rows: pa.Table) -> str:
    """With a line of names; lists and objects are JSON texts, times ISO 8601.

    A text that a spreadsheet would run as a formula begins with an apostrophe: logs hold what attackers wrote.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(map(harmless, rows.column_names))
    for row in rows.to_pylist():
        writer.writerow([_flat(value) for value in row.values()])
    return file.getvalue()


def parquet_bytes(rows: pa.Table) -> bytes:
    """With the columns' types."""
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(rows, file, compression="zstd")
    return file.getvalue()


def harmless(text: str) -> str:
    """The same for people, and no formula for spreadsheets."""
    return f"'{text}" if text.startswith(FORMULAS) else text


def _flat(value: Any) -> Any:
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, list | Mapping):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return value if value is None or isinstance(value, int | float) else harmless(_plain(value))


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
