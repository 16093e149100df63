"""The decoder ``core.syslog``: files and streams of syslog messages, framed by line feeds or by count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import Field, field_validator

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded, Rejected

from .blocks import BOM, Blocks
from .syslog_frames import Frame, Frames
from .syslog_message import parse

RECORDS_PER_STEP = 10_000
Translate = Callable[[str, tzinfo, datetime, Mapping[str, Any]], bytes | None]
"""From a message's text to an event's JSON; ``None`` where it is none. The mapping is the blob's context."""
_ENCODE = msgspec.json.Encoder()


class SyslogConfig(PluginConfig):
    """Settings of the decoders for syslog messages."""

    timezone: str = "UTC"
    """Zone of times that name none, such as ``Europe/Amsterdam``."""
    max_message_bytes: int = Field(default=256 << 10, ge=480)
    """A longer message becomes a dead letter, without being held in memory."""

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        zone_of(value)
        return value


class Syslog:
    """Positions are the byte offsets of messages. Everything is a message, if only a text."""

    class Config(SyslogConfig):
        """Settings of ``core.syslog``."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield messages.

        ``context["received"]``, or ``["modified"]`` of a file, is when they arrived: times without a year are dated
        by it.
        """
        yield from decoded(blob, self.config, translate, "not a syslog message")


def translate(text: str, zone: tzinfo, reference: datetime, context: Mapping[str, Any]) -> bytes | None:
    """A message as the JSON text of an event of ``core.syslog``."""
    found = parse(text, zone, reference)
    found.received, found.sender = context.get("received"), context.get("sender")
    return _ENCODE.encode(found)


def decoded(blob: Blob, config: SyslogConfig, translate: Translate, refusal: str) -> Iterator[Decoded]:
    """The messages of a blob as events."""
    zone, reference, context = zone_of(config.timezone), arrival(blob.context), blob.context

    def step(frames: list[Frame], end: int) -> Decoded:
        records, positions, rejected = [], [], []
        for frame in frames:
            record = None
            if not frame.oversized:
                record = translate(frame.content.decode("utf-8", "backslashreplace"), zone, reference, context)
            if record is not None:
                records.append(record)
                positions.append(frame.position)
            else:
                rejected.append(_rejected(frame, config, refusal))
        return Decoded(records, positions, end, rejected)

    with blob.open() as reader:
        blocks = Blocks(reader)
        frames = Frames(config.max_message_bytes, blocks.skip(blob.offset) if blob.offset else 0)
        held: list[Frame] = []
        while block := blocks.next():
            if frames.position == 0 and not frames.unfinished and block.startswith(BOM):
                block, frames.position = block[len(BOM) :], len(BOM)
            for frame in frames.feed(block):
                held.append(frame)
                if len(held) >= RECORDS_PER_STEP:
                    yield step(held, frames.position)
                    held = []
            yield step(held, frames.position)
            held = []
        if blob.final:
            yield step(list(frames.finish()), frames.position)
        if blocks.damage is not None:
            yield Decoded((), (), frames.position, [Rejected(b"", str(blocks.damage), frames.position, 0)])


def zone_of(name: str) -> tzinfo:
    """The time zone of this name.

    Raises:
        ValueError: there is none.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("the name of a time zone, such as UTC or Europe/Amsterdam") from None


def arrival(context: Mapping[str, Any]) -> datetime:
    """When the messages of a blob arrived: what its context says (a file was ``modified`` then), else now."""
    text = context.get("received", context.get("modified"))
    return datetime.fromisoformat(text) if isinstance(text, str) else datetime.now(UTC)


def _rejected(frame: Frame, config: SyslogConfig, refusal: str) -> Rejected:
    if frame.oversized and frame.size > config.max_message_bytes:
        refusal = f"a message of {frame.size:,} bytes, longer than max_message_bytes = {config.max_message_bytes:,}"
    elif frame.oversized:
        refusal = f"the stream ends in the middle of a message of {frame.size:,} bytes"
    return Rejected(frame.content, refusal, frame.position, frame.size)
