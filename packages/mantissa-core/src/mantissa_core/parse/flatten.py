"""Event to columns, in plain Python: the reference for what a row holds, and the path of events that drift.

Together with :mod:`.rebuild` it promises ``rebuild(flatten(event)) == event`` as JSON. A null member of a declared
object counts as absent; inside undeclared values and ``json`` columns nothing is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mantissa_core.errors import BadRecord
from mantissa_core.model import Column, LogType
from mantissa_core.model.log_type import Path

from .json_text import Repeated
from .layout import Branch, Layout, Leaf
from .scalars import scalar_text, to_column


class Flat(NamedTuple):
    """An event taken apart.

    ``columns`` holds what is not null, by column name. ``extra`` holds the rest of the event with its structure.
    ``drift`` names the declared paths whose value was not of the declared type and therefore is in ``extra``.
    """

    columns: dict[str, Any]
    extra: dict[str, Any] | None
    drift: Sequence[str]


def flatten(event: Mapping[str, Any], log_type: LogType) -> Flat:
    """Take one event apart; :class:`Flattener` does it for many.

    Raises:
        BadRecord: a declared object (or the event itself) has a key twice.
    """
    flattener = Flattener(Layout(log_type))
    columns, extra, drift = flattener.flatten(event)
    return Flat({**columns, **flattener.promote(event, columns)}, extra, drift)


class Flattener:
    """Takes events of one log type apart."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._respellings: dict[str, list[tuple[Column, Path]]] = {}  # by the key that they begin with
        for column in layout.alternated:
            for keys in column.alternates:
                self._respellings.setdefault(keys[0], []).append((column, keys))

    def flatten(self, event: Mapping[str, Any]) -> Flat:
        """Return the stored columns, without the promoted ones, which SQL derives from their ``json`` column.

        Raises:
            BadRecord: a declared object has a key twice.
        """
        columns: dict[str, Any] = {}
        drift: list[str] = []
        respelled = self._respelled(event)
        extra = _take(event, self.layout.root, _Sink(columns, drift, respelled), ())
        for column in respelled.values():
            _choose(event, column, columns)
        return Flat(columns, extra or None, drift)

    def _respelled(self, event: Mapping[str, Any]) -> dict[str, Column]:
        """Find the columns, by name, of which the event has another spelling than the first."""
        found: dict[str, Column] = {}
        for first in event.keys() & self._respellings.keys():
            value = event[first]
            for column, keys in self._respellings[first]:
                if (value if len(keys) == 1 else look_up(value, keys[1:])) is not None:
                    found[column.column] = column
        return found

    def promote(self, event: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, str]:
        """Return the promoted columns that are not null."""
        found = (
            (each.column.column, scalar_text(look_up(event, each.column.keys)))
            for each in self.layout.promoted
            if each.parent.column in columns
        )
        return {name: text for name, text in found if text is not None}


class _Sink(NamedTuple):
    columns: dict[str, Any]
    drift: list[str]
    respelled: Mapping[str, Column]


def look_up(event: Any, keys: Path) -> Any:
    """Follow ``keys`` through objects; ``None`` where there is nothing."""
    for key in keys:
        if not isinstance(event, dict):
            return None
        event = event.get(key)
    return event


def _take(members: Mapping[str, Any], branch: Branch, sink: _Sink, path: Path) -> dict[str, Any]:
    """Put declared members into the sink's columns; return what is left of the object."""
    if isinstance(members, Repeated):
        raise BadRecord(f"repeats the key {members.repeated_key()!r} in {'.'.join(path) or 'the event'}")
    rest: dict[str, Any] = {}
    for key, value in members.items():
        if value is None:
            continue
        node = branch.members.get(key)
        if isinstance(node, Leaf):
            if not _take_leaf(value, node, sink):
                rest[key] = value
        elif node is not None and isinstance(value, dict):
            left = _take(value, node, sink, (*path, key))
            if left or not any(member is not None for member in value.values()):
                rest[key] = left
        else:
            rest[key] = value
            if node is not None:
                sink.drift.append(".".join((*path, key)))
    return rest


def _take_leaf(value: Any, leaf: Leaf, sink: _Sink) -> bool:
    """Store the value if the column can give it back; say whether it did."""
    column = leaf.column
    stored = to_column(value, column.type)
    if stored is None:
        sink.drift.append(column.spellings[0])
        return False
    if column.column in sink.respelled:
        return False
    sink.columns[column.column] = stored
    return True


def _choose(event: Mapping[str, Any], column: Column, columns: dict[str, Any]) -> None:
    """Fill a column that has several spellings from the first one that is there."""
    for keys in (column.keys, *column.alternates):
        if (value := look_up(event, keys)) is not None:
            if (stored := to_column(value, column.type)) is not None:
                columns[column.column] = stored
            return
