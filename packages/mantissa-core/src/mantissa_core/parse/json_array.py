"""The decoder ``core.json_array``: an array of objects, bare or as a member of one object (``{"Records": […]}``)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import msgspec

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded, Rejected

from .array_splitter import ArraySplitter, Element
from .blocks import BOM, Blocks

RECORDS_PER_STEP = 20_000
BYTES_PER_STEP = 32 << 20
WHOLE_FILE_BYTES = 64 << 20
"""A sound file up to this size is taken apart in one go, which is many times as fast as piece by piece."""

_WHOLE = msgspec.json.Decoder(list[msgspec.Raw])


class JSONArray:
    """Takes arrays apart. Positions are the elements' indices; ``offset`` and ``end`` count elements too.

    A file that is cut keeps its whole elements; what follows the last of them is rejected.
    """

    class Config(PluginConfig):
        """Settings of ``core.json_array``."""

        member: str | None = None
        """The member that holds the array. By default the file is an array, or an object with a single array in it."""
        max_record_bytes: int = 16 << 20
        """A longer element is skipped and reported, without ever being held in memory."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield the array's elements as records."""
        with blob.open() as reader:
            blocks = Blocks(reader)
            elements = self._elements(blocks, final=blob.final)
            yield from _steps(enumerate(elements), blob.offset)

    def _elements(self, blocks: Blocks, *, final: bool) -> Iterator[Element]:
        start = blocks.next(WHOLE_FILE_BYTES).removeprefix(BOM)
        whole = self._all_at_once(start) if len(start) < WHOLE_FILE_BYTES and blocks.damage is None else None
        splitter = ArraySplitter(blocks, start, self.config.member, self.config.max_record_bytes)
        for element in splitter.elements() if whole is None else whole:
            if final or not element.unfinished:
                yield element
            if element.unfinished:
                break
        if blocks.damage is not None:
            yield Element(b"", str(blocks.damage))

    def _all_at_once(self, text: bytes) -> list[Element] | None:
        """Return the elements of a text without any fault, ``None`` for others: the splitter tells good from bad."""
        place = ArraySplitter(Blocks(BytesIO()), text, self.config.member, len(text)).array_place()
        end = text.rfind(b"]") + 1
        if place is None or text[end:].strip(b" \t\r\n") != place.closing:
            return None
        try:
            raws = _WHOLE.decode(text[place.offset : end])
        except (msgspec.DecodeError, RecursionError):
            return None
        elements = [Element(bytes(raw)) for raw in raws]
        limit = self.config.max_record_bytes
        return elements if all(each.raw[:1] == b"{" and len(each.raw) <= limit for each in elements) else None


def _steps(elements: Iterator[tuple[int, Element]], offset: int) -> Iterator[Decoded]:
    """Group elements from ``offset`` on into steps of bounded size."""
    records: list[bytes] = []
    positions: list[int] = []
    rejected: list[Rejected] = []
    size = 0
    end = offset
    for index, element in elements:
        if index < offset:
            continue
        if element.reason is None:
            records.append(element.raw)
            positions.append(index)
        else:
            rejected.append(Rejected(element.raw, element.reason, index, element.size))
        size += len(element.raw)
        end = index + 1
        if len(records) + len(rejected) >= RECORDS_PER_STEP or size >= BYTES_PER_STEP:
            yield Decoded(records, positions, end, rejected)
            records, positions, rejected, size = [], [], [], 0
    if records or rejected:
        yield Decoded(records, positions, end, rejected)
