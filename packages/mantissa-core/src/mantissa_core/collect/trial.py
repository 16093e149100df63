"""One page of a stream, read and parsed and thrown away: does it work, and what would come?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mantissa_core.errors import BadRecord
from mantissa_core.hookspecs import Collector, Parser
from mantissa_core.model import LogType, Page, Stream, Window
from mantissa_core.parse.compression import open_blob
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.parse.rows import RowBuilder

from .ingest import to_json
from .slices import Clock, now_utc

SPAN = timedelta(hours=1)
"""The window that is asked for; it ends where live collection would end now."""
MOST = 10_000
"""Records that are parsed."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What the first page held: events, records that are none (with the first one's reason), and files.

    ``more`` says that there was a further page or more in it than was looked at.
    """

    events: int = 0
    dead: int = 0
    reason: str = ""
    blobs: int = 0
    more: bool = False


def try_stream(
    collector: Collector,
    stream: Stream,
    state: Mapping[str, Any],
    log_types: LogTypes,
    decoders: Callable[[str], Parser],
    clock: Clock = now_utc,
) -> Trial:
    """Read one page of the last hour or, of a stream without windows, from ``state`` on. Nothing is stored.

    Raises:
        Retry, NeedsOperator, PluginError, LogTypeError: from the collector, the decoder or the log types.
    """
    end = clock() - stream.delay
    pages = collector.read(stream, Window(end - SPAN, end), {} if stream.windowed else state)
    try:
        page = next(pages, None)
    finally:
        if close := getattr(pages, "close", None):
            close()
    if page is None:
        return Trial()
    parts = [_parsed(log_types.get(name), texts, clock) for name, texts in _texts(page, stream, log_types, decoders)]
    refused = [each.reason for rejected in page.rejected_by(stream.log_type).values() for each in rejected]
    reasons = [reason for *_, reason in parts if reason] + refused
    dead = sum(dead for _, dead, _ in parts) + len(refused)
    events = sum(events for events, _, _ in parts)
    return Trial(events, dead, reasons[0] if reasons else "", len(page.blobs), page.more or len(page.blobs) > 1)


def _texts(
    page: Page, stream: Stream, log_types: LogTypes, decoders: Callable[[str], Parser]
) -> Iterator[tuple[str, list[bytes]]]:
    """The page's records by log type, and those of the first step of its first file."""
    by_type = page.records if isinstance(page.records, Mapping) else {stream.log_type: page.records}
    for name, records in by_type.items():
        yield name, [_text(record) for record in records[:MOST]]
    for blob in page.blobs[:1]:
        decoded = next(iter(decoders(log_types.get(stream.log_type).decoder).decode(open_blob(blob))), None)
        if decoded is not None:
            yield stream.log_type, [*decoded.records[:MOST], *(each.raw for each in decoded.rejected[:MOST])]


def _text(record: Any) -> bytes:
    try:
        return to_json(record)
    except BadRecord:
        return repr(record).encode()


def _parsed(log_type: LogType, texts: list[bytes], clock: Clock) -> tuple[int, int, str]:
    with RowBuilder(log_type) as builder:
        parsed = builder.build(texts, range(len(texts)), origin="trial", source="trial", ingest_time=clock())
    return parsed.rows.num_rows, len(parsed.dead), parsed.dead[0].reason if parsed.dead else ""
