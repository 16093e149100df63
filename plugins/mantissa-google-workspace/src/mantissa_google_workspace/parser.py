"""The decoder ``gworkspace.activities``: files with one activity a line, as exports of the Reports API have them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NoReturn

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded
from mantissa_core.parse.json_lines import JSONLines

from .activity import events_of

RECORDS_PER_STEP = 10_000


class ActivityFile:
    """Takes activities apart into their events (:mod:`.activity`). Lines that hold single events pass.

    An event's position is the offset of its line and its place in it: a line is longer than it has events.
    """

    class Config(PluginConfig):
        """Settings of ``gworkspace.activities``."""

        max_record_bytes: int = 16 << 20
        """A longer line is skipped and reported, without ever being held in memory."""

    def __init__(self, config: Config) -> None:
        self._lines = JSONLines(JSONLines.Config(max_record_bytes=config.max_record_bytes))

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield events in the order of the file. ``end`` is always the beginning of a line."""
        for step in self._lines.decode(blob):
            yield from _steps(step)


def _steps(step: Decoded) -> Iterator[Decoded]:
    records: list[bytes] = []
    positions: list[int] = []
    for line, position in zip(step.records, step.positions, strict=True):
        if len(records) >= RECORDS_PER_STEP:
            yield Decoded(records, positions, position)
            records, positions = [], []
        events = _events(line)
        records += events
        positions += range(position, position + len(events))
    yield Decoded(records, positions, step.end, step.rejected)


def _events(line: bytes) -> list[bytes]:
    """The events of a line; the line itself where it is no object. What it is instead is said where rows are made."""
    try:
        activity = json.loads(line, parse_constant=_no_number, object_pairs_hook=_members)
    except (ValueError, RecursionError):
        return [line]
    if not isinstance(activity, dict):
        return [line]
    return [json.dumps(event, separators=(",", ":")).encode() for event in events_of(activity)]


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object's members. One that repeats a key is left as it is: to take it apart would lose a value."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key is repeated")
    return members


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")
