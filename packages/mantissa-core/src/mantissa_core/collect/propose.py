"""Columns for the fields that drifted, as a log type writes them; and a value of such a field, for who asks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from mantissa_core.lake.table import Table
from mantissa_core.model import LogType
from mantissa_core.model.log_type import column_name, parse_path

from .drift import Drift

MOST_FILES = 20
"""Newest files that are looked through for a value."""


def proposal(log_type: LogType, drifts: Iterable[Drift]) -> list[dict[str, str]]:
    """Entries for ``columns:`` of the log type, for the fields that it does not declare.

    A declared column never changes its type, so a value of another type stays in ``m_extra``.
    """
    taken = {name.lower() for name in log_type.by_column}
    columns: dict[str, dict[str, str]] = {}
    for each in drifts:
        path = each.path.removesuffix(".*")
        if each.kind != "unknown" or path in columns or path == "*":
            continue
        column = {"path": path}
        if (name := _free(column_name(parse_path(path)), taken)) is not None:
            column["name"] = name
        taken.add((name or column_name(parse_path(path))).lower())
        if each.type != "string":
            column["type"] = each.type
        columns[path] = column
    return list(columns.values())


def _free(name: str, taken: set[str]) -> str | None:
    """A name that is not taken, where the usual one is (or is reserved)."""
    usable = name[:180] if len(name) > 200 else name
    if usable.lower() == "dt" or usable.lower().startswith("m_"):
        usable = f"f_{usable}"
    numbered = next(each for each in _numbered(usable) if each.lower() not in taken)
    return None if numbered == name else numbered


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name}_{number}"


def example(table: Table, drift: Drift) -> Any | None:
    """A value of the field in the newest files of its table; ``None`` where there is none."""
    if drift.path == "*":
        return None
    keys = parse_path(drift.path.removesuffix(".*"))
    files = sorted(table.live(), key=lambda file: (file.dt, file.path), reverse=True)[:MOST_FILES]
    for batch in table.read(files, columns=["m_extra", "m_source"]):
        for row in batch.to_pylist():
            if row["m_extra"] and row["m_source"] == drift.source:
                value = _look_up(json.loads(row["m_extra"]), keys)
                if value is not None:
                    return value
    return None


def _look_up(value: Any, keys: tuple[str, ...]) -> Any | None:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
