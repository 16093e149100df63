"""Files of Event Hubs Capture: Avro, a record for each message, whose ``Body`` holds ``{"records": […]}``.

Format: https://learn.microsoft.com/en-us/azure/event-hubs/explore-captured-avro-files
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import IO, Any, cast

import msgspec
from fastavro import reader as avro_reader
from fastavro.schema import SchemaParseException
from mantissa_core.errors import BadRecord
from mantissa_core.model import Blob, Decoded, Rejected
from mantissa_core.parse.blocks import Blocks
from mantissa_core.parse.json_array import JSONArray

MAGIC = b"Obj\x01"
IN_MEMORY = 64 * 1024 * 1024
"""Bytes of a file that are held in memory; a larger one goes through the disk."""
KEPT = 64 * 1024
"""Bytes that are kept of what is rejected."""
PLACES = 1 << 24
"""Positions set aside for each message: the largest have 20 MB, so none holds as many records."""
STEP_BYTES, STEP_RECORDS = 16 << 20, 10_000

_UNREADABLE = (
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
    UnicodeDecodeError,
    SchemaParseException,
    zlib.error,
)
"""What fastavro raises for content that is no Avro, depending on where it is damaged."""


class _Document(msgspec.Struct, gc=False):
    records: list[msgspec.Raw]


def decode(blob: Blob, limit: int) -> Iterator[Decoded]:
    """Yield the records of messages from number ``blob.offset`` divided by :data:`PLACES` on.

    ``limit`` is the largest record in bytes.
    """
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        damage = _copy(blob, file)
        size = file.tell()
        file.seek(0)
        step, number = _Step(limit), 0
        try:
            for message in _messages(file):
                if number * PLACES >= blob.offset:
                    step.add(message, number * PLACES)
                number += 1
                if step.is_full:
                    yield step.taken(number * PLACES)
        except BadRecord as error:
            if blob.final:
                reason = f"the Avro file cannot be read behind message {number}: {damage or error}"
                step.rejected.append(Rejected(b"", reason, number * PLACES, size))
        if step.records or step.rejected:
            yield step.taken(number * PLACES)


def _copy(blob: Blob, file: IO[bytes]) -> BadRecord | None:
    with blob.open() as source:
        blocks = Blocks(source)
        while block := blocks.next():
            file.write(block)
        return blocks.damage


def _messages(file: IO[bytes]) -> Iterator[Mapping[str, Any]]:
    """Yield what the file holds; ``BadRecord`` where it ends too early, is damaged, or of another schema."""
    try:
        messages = avro_reader(file)
        schema = messages.writer_schema
    except _UNREADABLE as error:
        raise BadRecord(str(error) or type(error).__name__) from None
    fields = schema.get("fields", ()) if isinstance(schema, dict) else ()
    if not any(field.get("name") == "Body" for field in fields):
        raise BadRecord("its records have no Body: it is none of Event Hubs Capture")
    while True:
        try:
            message = next(messages, None)
        except _UNREADABLE as error:
            raise BadRecord(str(error) or type(error).__name__) from None
        if message is None:
            return
        yield cast(Mapping[str, Any], message)


class _Step:
    """Records on their way into a :class:`Decoded`."""

    def __init__(self, limit: int) -> None:
        self.records: list[bytes] = []
        self.rejected: list[Rejected] = []
        self._positions: list[int] = []
        self._limit, self._size = limit, 0

    def add(self, message: Mapping[str, Any], first: int) -> None:
        """Take the records out of a message, whose positions begin at ``first``."""
        body = message["Body"]
        if not body:  # an empty message is none of a log
            return
        if not isinstance(body, bytes):
            self._reject(str(body).encode(), "the message's Body is no bytes", first)
            return
        records = _whole(body)
        if records is None:
            self._pick(body, first)
            return
        for place, raw in enumerate(records):
            self._take(raw, first + place)

    @property
    def is_full(self) -> bool:
        """Whether it is time to hand over what is there."""
        return len(self.records) + len(self.rejected) >= STEP_RECORDS or self._size >= STEP_BYTES

    def taken(self, end: int) -> Decoded:
        """Hand over and begin anew."""
        step = Decoded(self.records, self._positions, end, self.rejected)
        self.records, self._positions, self.rejected, self._size = [], [], [], 0
        return step

    def _pick(self, body: bytes, first: int) -> None:
        """Not all senders wrap their events; and of a damaged body the good records count."""
        if not body.lstrip().startswith(_WRAPPED):
            self._take(body.strip(), first)
            return
        array = JSONArray(JSONArray.Config(max_record_bytes=self._limit))
        for step in array.decode(Blob("", "", lambda: BytesIO(body))):
            for raw, place in zip(step.records, step.positions, strict=True):
                self._take(raw, first + place)
            for each in step.rejected:
                self._reject(each.raw, each.reason, first + each.position)

    def _take(self, raw: bytes, position: int) -> None:
        if raw[:1] != b"{":
            self._reject(raw, "not a JSON object", position)
        elif len(raw) > self._limit:
            self._reject(raw, f"{len(raw):,} bytes, longer than max_record_bytes = {self._limit:,}", position)
        else:
            self.records.append(raw)
            self._positions.append(position)
            self._size += len(raw)

    def _reject(self, raw: bytes, reason: str, position: int) -> None:
        self.rejected.append(Rejected(raw[:KEPT], reason, position, len(raw)))


def _whole(body: bytes) -> list[bytes] | None:
    """The records of a sound ``{"records": […]}`` or array."""
    try:
        raws = _array(body) if body[:1] == b"[" else _document(body).records
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return [bytes(raw) for raw in raws]


_WRAPPED = (b'{"records"', b"[")
_document = msgspec.json.Decoder(_Document).decode
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
