"""The decoder ``core.cef``: ArcSight's Common Event Format, with or without a syslog header before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeAlias, cast

import msgspec

from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Blob, Decoded

from . import syslog_time
from .syslog import SyslogConfig, decoded
from .syslog_message import parse

MARK = "CEF:"
_HEADER = re.compile(r"((?:[^|\\]|\\.)*)\|", re.DOTALL)
_FIELDS = 7
_Fields: TypeAlias = tuple[str, str, str, str, str, str, str]
_KEY = re.compile(r" ([A-Za-z0-9_.\-\[\]]{1,128})=")
_ESCAPE = re.compile(r"\\([\\|=nr])")
_MEANING = {"\\": "\\", "|": "|", "=": "=", "n": "\n", "r": "\r"}
_TIME = re.compile(syslog_time.TEXT)
_MILLISECONDS = re.compile(r"\d{11,14}$")
_TIMES = ("rt", "end", "start")
"""Extensions that say when: receipt at the device, end, start."""
_ENCODE = msgspec.json.Encoder()


class Event(msgspec.Struct, omit_defaults=True):
    """The header by the names of the specification, the extension as it stands, and the header of syslog before it."""

    version: str
    device_vendor: str
    device_product: str
    device_version: str
    signature_id: str
    name: str
    severity: str
    extension: dict[str, str]
    timestamp: str | None = None
    received: str | None = None
    sender: str | None = None
    hostname: str | None = None
    priority: int | None = None
    unparsed: str | None = None


class CEF:
    """Positions are the byte offsets of messages. A message without a CEF header becomes a dead letter."""

    class Config(SyslogConfig):
        """Settings of ``core.cef``."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield events. The context is that of ``core.syslog``."""
        yield from decoded(
            blob, self.config, translate, "no CEF header: CEF:0|vendor|product|version|id|name|severity|"
        )


def translate(text: str, zone: tzinfo, reference: datetime, context: Mapping[str, Any]) -> bytes | None:
    """A message as the JSON text of an event of ``core.cef``; ``None`` where it has no such header."""
    begin = text.find(MARK)
    header = _header(text, begin + len(MARK)) if begin >= 0 else None
    if header is None:
        return None
    fields, at = header
    pairs, rest = extension(text[at:])
    event = Event(*fields, pairs, unparsed=rest or None)
    if prefix := text[:begin].strip():
        syslog = parse(f"{prefix} ", zone, reference)
        event.timestamp, event.hostname, event.priority = syslog.timestamp, syslog.hostname, syslog.priority
    event.timestamp = _said(event.extension, zone, reference) or event.timestamp
    event.received, event.sender = context.get("received"), context.get("sender")
    return _ENCODE.encode(event)


def _header(text: str, at: int) -> tuple[_Fields, int] | None:
    """The seven fields behind the mark, and where the extension begins. The last pipe may be missing."""
    if "\\" not in text and len(parts := text[at:].split("|", _FIELDS)) > _FIELDS:  # most of them
        return cast(_Fields, tuple(part.strip() for part in parts[:_FIELDS])), len(text) - len(parts[_FIELDS])
    fields = []
    for _ in range(_FIELDS):
        found = _HEADER.match(text, at)
        if found is None:
            break
        fields.append(_plain(found[1].strip()))
        at = found.end()
    if len(fields) == _FIELDS - 1:
        fields.append(_plain(text[at:].strip()))
        at = len(text)
    return (cast(_Fields, tuple(fields)), at) if len(fields) == _FIELDS else None


def extension(text: str) -> tuple[dict[str, str], str]:
    """``key=value`` pairs, and what stands before the first of them.

    A value ends where a space and the next key begin; an equals sign in it may be escaped.
    """
    before, *parts = _KEY.split(f" {text.strip(' ')}")
    values = map(str.rstrip, parts[1::2])
    if "\\" in text:
        values = map(_plain, values)
    return dict(zip(parts[::2], values, strict=True)), before.strip()


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda found: _MEANING[found[1]], text) if "\\" in text else text


def _said(values: Mapping[str, str], zone: tzinfo, reference: datetime) -> str | None:
    for key in _TIMES:
        if not (text := values.get(key)):
            continue
        if _MILLISECONDS.match(text):
            moment = datetime.fromtimestamp(int(text) // 1000, UTC)
            return f"{moment.replace(tzinfo=None).isoformat()}.{int(text) % 1000:03}Z"
        if (found := _TIME.match(text)) and (time := syslog_time.read_time(found, zone, reference)):
            return time
    return None
