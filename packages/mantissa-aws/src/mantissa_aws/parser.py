"""The decoder ``aws.cloudtrail``: the files that CloudTrail delivers, and what people make of them.

Format: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import msgspec
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded, Rejected
from mantissa_core.parse.blocks import Blocks
from mantissa_core.parse.json_lines import JSONLines

from .elements import KEPT, Elements

RECORDS_PER_STEP = 10_000
WHOLE = 64 * 1024 * 1024
"""Bytes up to which a document is decoded at once; AWS keeps its files below that."""
HEAD = 1024 * 1024
"""Bytes that are looked at to tell the formats apart; most files are no larger."""

_DOCUMENT = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"Records"\s*:')
_BETWEEN = re.compile(rb"[\s,]*")
_ARRAY = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[")
_DIGEST = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{[^{\[]*"digest(?:StartTime|S3Object)"\s*:')


class _Document(msgspec.Struct, gc=False):
    Records: list[msgspec.Raw]


class CloudTrailFile:
    """Takes ``{"Records": […]}`` documents apart, one or several; also JSON arrays and JSON lines of records.

    Digest files hold no events and yield none. Positions are byte offsets.
    """

    class Config(PluginConfig):
        """Settings of ``aws.cloudtrail``."""

        max_record_bytes: int = 16 << 20
        """A longer record is skipped and reported, without ever being held in memory."""

    def __init__(self, config: Config) -> None:
        self._limit = config.max_record_bytes
        self._lines = JSONLines(JSONLines.Config(max_record_bytes=self._limit))

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield records in the order of the file."""
        with blob.open() as reader:
            blocks = Blocks(reader)
            head = blocks.next(HEAD)
            if _DOCUMENT.match(head):
                yield from self._document(blob, blocks, head, depth=2)
                return
            if _ARRAY.match(head):
                yield from self._elements(blob, blocks, head, depth=1)
                return
            if _DIGEST.match(head):
                return
        yield from self._lines.decode(blob)

    def _document(self, blob: Blob, blocks: Blocks, head: bytes, depth: int) -> Iterator[Decoded]:
        """A whole document of usual size goes through one decoder; everything else is scanned."""
        if blob.offset:
            yield from self._elements(blob, blocks, head, depth)
            return
        content = head if len(head) < HEAD else head + blocks.next(WHOLE - len(head))
        records = None if len(content) >= WHOLE else _whole(content)
        if records is None:
            yield from self._elements(blob, blocks, content, depth)
        else:
            yield from self._steps(content, records)

    def _steps(self, content: bytes, records: list[msgspec.Raw]) -> Iterator[Decoded]:
        rest, left = iter(records), len(records)
        at = content.index(b"[") + 1
        while step := list(islice(rest, RECORDS_PER_STEP)):
            left -= len(step)
            found: list[bytes] = []
            positions: list[int] = []
            rejected: list[Rejected] = []
            for raw in step:
                record = bytes(raw)
                position = _BETWEEN.match(content, at).end()  # type: ignore[union-attr]  # it matches nothing, too
                at = position + len(record)
                if reason := self._unusable(record):
                    rejected.append(Rejected(record[:KEPT], reason, position, len(record)))
                else:
                    found.append(record)
                    positions.append(position)
            yield Decoded(found, positions, at if left else len(content), rejected)

    def _unusable(self, record: bytes) -> str | None:
        if len(record) > self._limit:
            return f"a record of {len(record):,} bytes, longer than max_record_bytes = {self._limit:,}"
        return None if record[:1] == b"{" else "not a JSON object"

    def _elements(self, blob: Blob, blocks: Blocks, content: bytes, depth: int) -> Iterator[Decoded]:
        """Scan, from ``blob.offset`` on where some of the blob was decoded before."""
        if blob.offset:
            content = _skip(blocks, content, blob.offset)
            if not content:
                return
        elements = Elements(blob.offset, depth if blob.offset else 0, self._limit)
        while content:
            yield elements.feed(content)
            content = blocks.next()
        if blob.final or blocks.damage is not None:
            yield elements.finish(str(blocks.damage) if blocks.damage is not None else None)


def _whole(content: bytes) -> list[msgspec.Raw] | None:
    """The records of one complete document; ``None`` for several, a broken one, or one with two ``Records``."""
    if content.count(b'"Records"') > 1:
        return None
    try:
        return _DECODER.decode(content.removeprefix(b"\xef\xbb\xbf")).Records
    except (msgspec.DecodeError, RecursionError):
        return None


def _skip(blocks: Blocks, content: bytes, offset: int) -> bytes:
    """The bytes from ``offset`` on, where ``content`` is what stands at the beginning."""
    while content and offset >= len(content):
        offset -= len(content)
        content = blocks.next()
    return content[offset:]


_DECODER = msgspec.json.Decoder(_Document)
