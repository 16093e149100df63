"""The raw archive: records as they came, beside the tables, where ``[lake] raw = "keep"``.

One file for each page and log type, ``<log type>/raw/YYYY/MM/DD/HH/<id>.ndjson.zst``, by the time of ingestion.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import zstandard

from mantissa_core.errors import LakeError

from .lake import Lake


def keep_raw(lake: Lake, log_type: str, stream: str, seq: int, ingest_time: datetime, records: Sequence[bytes]) -> str:
    """Write ``records``, one JSON text a line, and return the file's name. Call it before the page is committed.

    ``seq`` is the number of the commit to come: a retry of the page overwrites its file, or, in a later hour,
    writes one of the same ``<id>``. ``LakeError`` where it cannot be written.
    """
    # A stream's name comes from configuration and vendors; its hash is a safe file name.
    identity = f"{hashlib.sha256(stream.encode()).hexdigest()[:16]}-{seq:012}"
    name = f"{log_type}/raw/{ingest_time.astimezone(UTC):%Y/%m/%d/%H}/{identity}.ndjson.zst"
    content = b"".join(_line(record) + b"\n" for record in records)
    try:
        lake.storage.put(name, zstandard.ZstdCompressor().compress(content))
    except OSError as error:
        raise LakeError(f"raw records cannot be written to {lake.storage.url(name)}: {error}") from error
    return name


def _line(record: bytes) -> bytes:
    """Put a record on one line: JSON that spans several is compacted, any other text becomes a JSON string."""
    if record[:1] in (b"{", b"[") and b"\n" not in record:
        return record
    try:
        value = json.loads(record)
    except ValueError:
        value = record.decode("utf-8", "surrogateescape")
    return json.dumps(value, separators=(",", ":")).encode()
