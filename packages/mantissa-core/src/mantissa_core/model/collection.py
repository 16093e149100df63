"""What a collector hands over, and what a decoder makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, BinaryIO, TypeAlias

Record: TypeAlias = Mapping[str, Any] | str | bytes
"""One event: a JSON object, as a mapping or as its JSON text."""

Records: TypeAlias = Sequence[Record]


@dataclass(frozen=True, slots=True)
class Stream:
    """One independently resumable sequence of records in a source.

    ``name`` is unique within the collector and stable for ever: progress is stored under it.
    ``log_type`` is what its records are, where a page does not say otherwise.
    ``overlap`` is how late the source may deliver: that much is read again, duplicates are removed by id.
    ``delay`` is how far behind the present a window must end for the source to be complete.
    ``windowed`` streams are asked for time windows; the others are read from their state on. ``by_arrival`` says
    that windows select by when the source made events available, so that old events in new windows are not late.
    """

    name: str
    log_type: str
    overlap: timedelta = timedelta(0)
    delay: timedelta = timedelta(0)
    windowed: bool = True
    by_arrival: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time, both ends in UTC: ``start <= t < end``."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window's start and end must carry a time zone")
        if self.end < self.start:
            raise ValueError(f"a window cannot end ({self.end}) before it starts ({self.start})")


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes in the source's delivery format, to be taken apart by the log type's decoder.

    ``origin`` identifies these bytes for ever (bucket, key and version; a file's identity): with a record's
    position it makes the id of events that carry none. ``name`` is for people, in errors and dead letters.
    ``open`` returns a fresh binary reader at the first byte; compression is undone by the core.
    ``offset`` is where decoding starts, in decompressed bytes for formats that can be resumed.
    ``final`` is false while the source may still append: an unfinished last record is then left for later.
    """

    origin: str
    name: str
    open: Callable[[], BinaryIO]
    offset: int = 0
    final: bool = True
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Bytes that are no usable record, why, and where they stood. ``size`` is that of the whole original."""

    raw: bytes
    reason: str
    position: int
    size: int


Pushed: TypeAlias = Sequence[Record | Rejected]
"""What a receiver submits: events, and between them what is none and becomes a dead letter."""


@dataclass(frozen=True, slots=True)
class Page:
    """A resumable step of a stream, committed as a whole or not at all.

    ``records`` are events of the stream's log type, or a mapping from log type to events.
    ``blobs`` are delivery files still to be decoded.
    ``next_state`` is JSON (≤ 100 KB; cursors as strings, they exceed 2^53) and is stored with the commit:
    the next :meth:`Collector.read` gets it. ``complete_until`` promises that every event before it has been
    handed over. ``more`` asks for the next page at once. ``acks`` go to ``acknowledge`` after the commit.
    ``rejected`` are answers of the source that are no events: dead letters, each with its reason (and request id);
    like ``records`` they may be a mapping from log type.
    """

    next_state: Mapping[str, Any]
    records: Records | Mapping[str, Records] = ()
    blobs: Sequence[Blob] = ()
    complete_until: datetime | None = None
    more: bool = False
    acks: Sequence[str] = ()
    rejected: Sequence[Rejected] | Mapping[str, Sequence[Rejected]] = ()

    def rejected_by(self, log_type: str) -> Mapping[str, Sequence[Rejected]]:
        """``rejected`` by log type; ``log_type`` is that of the stream."""
        return self.rejected if isinstance(self.rejected, Mapping) else {log_type: self.rejected}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoder's step: JSON objects in source order, with their positions.

    ``records[i]`` is the UTF-8 JSON text of one object and stood at ``positions[i]`` (byte offset, or index in
    an array; unique within the blob, rising). ``end`` is the offset from which decoding could go on.
    """

    records: Sequence[bytes]
    positions: Sequence[int]
    end: int
    rejected: Sequence[Rejected] = ()
