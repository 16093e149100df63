"""Views over the overlay: one question, every vendor.

A view is the union of the ``m_*`` columns of those log types that name it, in SQL that every engine reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from mantissa_core.model.log_type import LogType
from mantissa_core.model.query import TableSnapshot

from .types import OVERLAY, PARTITION, stored_as

VIEW_NAMES = {
    "auth": ("auth", "normalized_auth_view"),
    "network": ("network", "normalized_network"),
    "cloud_change": ("cloud_change",),
}
"""The views, each under the names that it answers to."""

COLUMNS = {
    "m_log_type": "VARCHAR",
    "m_table": "VARCHAR",
    **{field.name: stored_as(field.type).sql for field in OVERLAY},
    PARTITION: "VARCHAR",
}
"""The columns of every view. ``m_log_type`` and ``m_table`` say where a row comes from."""


def views(log_types: Iterable[LogType], tables: Collection[str]) -> list[TableSnapshot]:
    """Return the views as queries over ``tables``, the tables that exist. One without any table is left out."""
    existing = [log_type for log_type in sorted(log_types, key=lambda lt: lt.name) if log_type.table in tables]
    found = []
    for view, names in VIEW_NAMES.items():
        if sources := [log_type for log_type in existing if view in log_type.views]:
            sql = _union(sources)
            found += [TableSnapshot(name, COLUMNS, sql=sql) for name in names]
    return found


def view_names(log_type: LogType) -> set[str]:
    """The names of the views that hold its events."""
    return {name for view in log_type.views for name in VIEW_NAMES[view]}


def _union(sources: Sequence[LogType]) -> str:
    return "\nUNION ALL\n".join(_select(log_type) for log_type in sources)


def _select(log_type: LogType) -> str:
    stored = ", ".join(name for name in COLUMNS if name not in ("m_log_type", "m_table"))
    # Both names consist of lower-case letters, digits, dots and underscores: LogType allows no others.
    return f"SELECT '{log_type.name}' AS m_log_type, '{log_type.table}' AS m_table, {stored} FROM {log_type.table}"
