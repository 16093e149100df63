"""The decoder ``acme.gadget``: logfmt, ``key=value key="quoted value" flag``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from mantissa_core.errors import BadRecord
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded, Rejected
from mantissa_core.parse.json_lines import JSONLines

_PAIR = re.compile(r'\s*([^\s="]+)(?:=("(?:[^"\\]|\\.)*"|[^\s"]*))?(?:\s+|$)')


class Gadget:
    """Decodes lines. The core's decoder of lines finds them, whatever their size; positions are byte offsets."""

    class Config(PluginConfig):
        """Settings of ``acme.gadget``."""

        max_record_bytes: int = 1 << 20
        """A longer line becomes a dead letter."""

    def __init__(self, config: Config) -> None:
        self._lines = JSONLines(JSONLines.Config(max_record_bytes=config.max_record_bytes))

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield an object per line. Only a line feed proves that a line is whole."""
        for step in self._lines.decode(blob):
            records: list[bytes] = []
            positions: list[int] = []
            rejected = list(step.rejected)
            for line, position in zip(step.records, step.positions, strict=True):
                try:
                    if position + len(line) == step.end:
                        raise BadRecord("no line feed ends it: the file is cut")
                    records.append(to_json(line))
                    positions.append(position)
                except BadRecord as error:
                    rejected.append(Rejected(bytes(line), str(error), position, len(line)))
            yield Decoded(records, positions, step.end, rejected)


def to_json(line: bytes) -> bytes:
    """The JSON object that a line means.

    Raises:
        BadRecord: it is no logfmt, no UTF-8, or gives a key twice.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise BadRecord(f"no UTF-8 at byte {error.start}") from None
    event: dict[str, str | bool] = {}
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            raise BadRecord(f"no key=value at character {at}")
        key, value = pair.groups()
        if key in event:
            raise BadRecord(f"the key {key[:100]!r} is given twice")
        event[key] = True if value is None else _unquoted(value)
        at = pair.end()
    return json.dumps(event).encode()


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value, strict=False))
    except ValueError:
        raise BadRecord(f"the quoted value {value[:100]} has an unknown escape") from None
