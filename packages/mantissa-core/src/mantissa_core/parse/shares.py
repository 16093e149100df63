"""How much of what events say a log type understands: shares of events with a time, an id, an action, a user…"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mantissa_core.model import LogType
from mantissa_core.model.log_type import NativeId, parse_path

from .layout import Branch, Layout
from .likely import likely_paths, names_an_action
from .rebuild import Rebuilder
from .rows import RowBuilder

FIELDS = ("time", "id", "action", "user", "src_ip")
"""What is looked for. ``id`` is the vendor's, where the log type has one; ``action`` may be the event's own word."""
REBUILT = "rebuilt"
"""The event that is made of the stored row equals what came, but for members that are null."""
MOST_PLACES = 10
"""Places of events without a field that are remembered."""


@dataclass
class Without:
    """The events that got no value for one field. ``likely``: paths where they may say it, and how many do."""

    events: int = 0
    perhaps: int = 0
    """Events with at least one likely path: the log type may have missed it."""
    places: list[str] = field(default_factory=list)
    likely: Counter[str] = field(default_factory=Counter)


@dataclass
class Shares:
    """The events of one log type, and what they lack by field. ``reason``: why the first dead record is no event."""

    log_type: str
    events: int = 0
    dead: int = 0
    reason: str = ""
    without: dict[str, Without] = field(default_factory=dict)

    def share(self, name: str) -> float | None:
        """The share of events that have it; ``None`` without events."""
        return 1 - self.lacking(name).events / self.events if self.events else None

    def lacking(self, name: str) -> Without:
        """What is known of the events without it."""
        return self.without.get(name, Without())


class ShareCounter:
    """Counts over records of one log type. Close it after use."""

    def __init__(self, log_type: LogType) -> None:
        self.shares = Shares(log_type.name)
        self._builder = RowBuilder(log_type)
        self._layout = Layout(log_type)
        self._rebuilder = Rebuilder(self._layout)
        names = [each.column for each in log_type.columns if names_an_action(each.keys[-1])]
        self._has: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
            "time": lambda row: "time_missing" not in (row["m_flags"] or ()),
            "id": _identified(log_type),
            "action": lambda row: row["m_action"] is not None or any(row[name] is not None for name in names),
            "user": lambda row: row["m_user"] is not None,
            "src_ip": lambda row: row["m_src_ip"] is not None,
        }

    def add(self, records: Sequence[bytes], positions: Sequence[int], origin: str) -> None:
        """Count records that stood in ``origin``."""
        parsed = self._builder.build(
            records, positions, origin=origin, source="coverage", ingest_time=datetime.now(UTC), retention_days=36_500
        )
        dead = {letter.position for letter in parsed.dead}
        self.shares.dead += len(dead)
        if parsed.dead and not self.shares.reason:
            self.shares.reason = parsed.dead[0].reason
        alive = ((record, at) for record, at in zip(records, positions, strict=True) if at not in dead)
        for row, (record, position) in zip(parsed.rows.to_pylist(), alive, strict=True):
            self._count(row, record, f"{origin}:{position}")

    def close(self) -> None:
        """Let go of what parsing needs."""
        self._builder.close()

    def _count(self, row: Mapping[str, Any], record: bytes, place: str) -> None:
        self.shares.events += 1
        event = json.loads(record)
        for name, has in self._has.items():
            if not has(row):
                self._lacks(name, place, set(likely_paths(event, name)))
        if self._bare(self._rebuilder.rebuild(row)) != self._bare(event):
            self._lacks(REBUILT, place, set())

    def _lacks(self, name: str, place: str, likely: set[str]) -> None:
        without = self.shares.without.setdefault(name, Without())
        without.events += 1
        without.perhaps += bool(likely)
        without.likely.update(likely)
        if len(without.places) < MOST_PLACES:
            without.places.append(place)

    def _bare(self, event: Mapping[str, Any]) -> Any:
        return _without_nulls(event, self._layout.root)


def _identified(log_type: LogType) -> Callable[[Mapping[str, Any]], bool]:
    """Whether the vendor's id is there; where the log type has none, its place tells an event from others."""
    if not isinstance(log_type.id, NativeId):
        return lambda row: True
    column = log_type.by_path[parse_path(log_type.id.native[0])].column
    return lambda row: row[column] is not None


def _without_nulls(value: Any, branch: Branch | None) -> Any:
    """Leave out the members that are null of the objects whose members are columns; others are kept as they are."""
    if branch is None or not isinstance(value, dict):
        return value
    inner = {key: node for key, node in branch.members.items() if isinstance(node, Branch)}
    return {key: _without_nulls(each, inner.get(key)) for key, each in value.items() if each is not None}
