"""The decoder ``azure.records``: what diagnostic settings of Azure Monitor and Event Hubs Capture write.

Formats: JSON lines (https://learn.microsoft.com/en-us/azure/azure-monitor/essentials/resource-logs-blob-format),
``{"records": […]}`` (the same, before 2018 and in some clouds), and Avro whose bodies hold the latter
(https://learn.microsoft.com/en-us/azure/event-hubs/event-hubs-capture-overview).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

import msgspec
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded
from mantissa_core.parse.blocks import Blocks
from mantissa_core.parse.json_array import JSONArray
from mantissa_core.parse.json_lines import JSONLines

from . import capture

HEAD = 4096
"""Bytes that are looked at to tell the formats apart."""
LINES = "lines"
"""The value of ``format`` in a blob's context: a part of a file of JSON lines, whatever it begins with."""

_DOCUMENT = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"records"\s*:')


class _Categorised(msgspec.Struct, gc=False):
    category: str | None = None


_category = msgspec.json.Decoder(_Categorised).decode


class RecordsFile:
    """Takes JSON lines, one ``{"records": […]}`` document, or a file of Event Hubs Capture apart.

    Offsets and positions are bytes in lines, elements in a document; in a capture they number messages, and the
    records inside each. ``context`` of a blob may hold ``format`` (:data:`LINES`) and ``categories``, a list: records
    of others are passed over.
    """

    class Config(PluginConfig):
        """Settings of ``azure.records``."""

        max_record_bytes: int = 16 << 20
        """A longer record is skipped and reported."""

    def __init__(self, config: Config) -> None:
        limit = config.max_record_bytes
        self._lines = JSONLines(JSONLines.Config(max_record_bytes=limit))
        self._document = JSONArray(JSONArray.Config(member="records", max_record_bytes=limit))
        self._limit = limit

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield records in the order of the file."""
        wanted = blob.context.get("categories")
        for step in self._steps(blob):
            yield step if not wanted else _only(step, wanted)

    def _steps(self, blob: Blob) -> Iterator[Decoded]:
        if blob.context.get("format") == LINES:
            return self._lines.decode(blob)
        with blob.open() as reader:
            head = Blocks(reader).next(HEAD)
        if head.startswith(capture.MAGIC):
            return capture.decode(blob, self._limit)
        if _DOCUMENT.match(head):
            return self._document.decode(blob)
        return self._lines.decode(blob)


def _only(step: Decoded, wanted: Container[str]) -> Decoded:
    kept = [
        (record, position)
        for record, position in zip(step.records, step.positions, strict=True)
        if _is_of(record, wanted)
    ]
    return Decoded([record for record, _ in kept], [position for _, position in kept], step.end, step.rejected)


def _is_of(record: bytes, wanted: Container[str]) -> bool:
    """Whether a record is wanted. One that cannot be read is: it becomes a dead letter where rows are made."""
    try:
        category = _category(record).category
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return True
    return category is None or category in wanted
