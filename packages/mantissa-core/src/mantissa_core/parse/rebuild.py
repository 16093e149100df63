"""Row to event: the inverse of :mod:`.flatten`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mantissa_core.model import Column, LogType

from .flatten import look_up
from .layout import Layout
from .scalars import from_column


def rebuild(row: Mapping[str, Any], log_type: LogType) -> dict[str, Any]:
    """Return the original event of a row as pyarrow's ``to_pylist`` gives it; :class:`Rebuilder` does many.

    Members that were null are absent. Columns that the row lacks (older files) count as null.
    """
    return Rebuilder(Layout(log_type)).rebuild(row)


class Rebuilder:
    """Makes events of one log type from their rows."""

    def __init__(self, layout: Layout) -> None:
        self._plain = [column for column in layout.stored if not column.alternates]
        self._alternated = layout.alternated

    def rebuild(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the original event, null members aside."""
        event: dict[str, Any] = {}
        for column in self._plain:
            _put(event, column, row.get(column.column))
        if extra := row.get("m_extra"):
            _merge(event, json.loads(extra))
        for column in self._alternated:
            if all(look_up(event, keys) is None for keys in column.alternates):
                _put(event, column, row.get(column.column))
        return event


def _put(event: dict[str, Any], column: Column, value: Any) -> None:
    if value is None:
        return
    for key in column.keys[:-1]:
        event = event.setdefault(key, {})
    event[column.keys[-1]] = from_column(value, column.type)


def _merge(event: dict[str, Any], extra: Mapping[str, Any]) -> None:
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(event.get(key), dict):
            _merge(event[key], value)
        else:
            event[key] = value
