"""Records that are no usable events: kept whole where possible, with the reason, so that they can be replayed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from mantissa_core.model import Rejected

from .event_id import LENGTH
from .schema import TIMESTAMP

DEAD_LETTER = "dead_letter"
"""The table's name."""

DEAD_LETTER_CLUSTER = ("log_type", "m_source")

DEAD_LETTER_SCHEMA = pa.schema(
    [
        pa.field("m_id", pa.string(), nullable=False),
        pa.field("m_time", TIMESTAMP, nullable=False),
        pa.field("m_ingest_time", TIMESTAMP, nullable=False),
        pa.field("m_source", pa.string(), nullable=False),
        pa.field("log_type", pa.string(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("raw", pa.string(), nullable=False),
        pa.field("raw_base64", pa.string()),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
        pa.field("parser_version", pa.string(), nullable=False),
        pa.field("dt", pa.string(), nullable=False),
    ]
)
"""``raw`` is readable text; ``raw_base64`` is there where the bytes were no UTF-8. ``truncated`` records are cut."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One unusable record. ``origin`` and ``position`` say where it stood, ``name`` the file's name for people.

    ``raw`` may be only the beginning of it; ``size`` is that of the whole.
    """

    log_type: str
    origin: str
    source: str
    position: int
    reason: str
    raw: bytes
    size: int
    name: str | None = None

    @classmethod
    def of(cls, rejected: Rejected, *, log_type: str, origin: str, source: str, name: str | None = None) -> DeadLetter:
        """Make one of what a decoder rejected."""
        return cls(log_type, origin, source, rejected.position, rejected.reason, rejected.raw, rejected.size, name)

    @property
    def id(self) -> str:
        """The same for the same place, however often it is read."""
        place = f"{DEAD_LETTER}\0{self.log_type}\0{self.origin}\0{self.position}"
        return hashlib.sha256(place.encode(errors="backslashreplace")).hexdigest()[:LENGTH]


def dead_letter_rows(letters: Sequence[DeadLetter], *, ingest_time: datetime) -> pa.Table:
    """Return the table rows of ``letters``; their time is that of ingestion."""
    moment = ingest_time.astimezone(UTC)
    parser_version = version("mantissa-core")
    return pa.Table.from_pylist([_row(letter, moment, parser_version) for letter in letters], DEAD_LETTER_SCHEMA)


def raw_of(row: dict[str, Any]) -> bytes:
    """Return the bytes of a dead letter's row, for a replay."""
    if row["raw_base64"] is not None:
        return base64.b64decode(row["raw_base64"])
    return str(row["raw"]).encode()


def _row(letter: DeadLetter, moment: datetime, parser_version: str) -> dict[str, Any]:
    text, encoded = _readable(letter.raw)
    return {
        "m_id": letter.id,
        "m_time": moment,
        "m_ingest_time": moment,
        "m_source": letter.source,
        "log_type": letter.log_type,
        "origin": letter.origin,
        "name": letter.name,
        "position": letter.position,
        "reason": letter.reason,
        "raw": text,
        "raw_base64": encoded,
        "size": letter.size,
        "truncated": len(letter.raw) < letter.size,
        "parser_version": parser_version,
        "dt": moment.date().isoformat(),
    }


def _readable(raw: bytes) -> tuple[str, str | None]:
    try:
        return raw.decode(), None
    except UnicodeDecodeError:
        return raw.decode(errors="backslashreplace"), base64.b64encode(raw).decode()
