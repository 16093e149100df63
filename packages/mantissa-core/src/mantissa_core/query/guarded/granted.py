"""Which tables and views of the lake somebody may read, and how much of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlglot import exp

from mantissa_core.lake.lake import Lake
from mantissa_core.lake.named import tables_named
from mantissa_core.lake.types import PARTITION
from mantissa_core.lake.views import view_names
from mantissa_core.model.log_type import LogType

from .readable import Readable, Window

TIME = "m_time"


def granted(
    sql: str, lake: Lake, log_types: Iterable[LogType], window: Window | None, allowed: Collection[str] | None
) -> tuple[list[Readable], list[str]]:
    """What the statement names and may read, and the names of all that may be read.

    ``allowed`` are names of tables, ``None`` for all of them. A view may be read where one of its tables may, and shows
    those tables' rows only.
    """
    defined = list(log_types)
    known, named = tables_named(sql, lake, defined)
    below = _below_views(defined, known)
    may = [
        name for name in known if allowed is None or name in allowed or not below.get(name, set()).isdisjoint(allowed)
    ]
    found = []
    for table in named:
        if table.name in may:
            time = TIME if TIME in table.columns else None
            day = PARTITION if PARTITION in table.columns else None
            only = _only(below[table.name], allowed) if table.sql is not None and allowed is not None else None
            found.append(Readable(table.name, time, day, window if time else None, only))
    return found, may


def _below_views(log_types: Iterable[LogType], known: Collection[str]) -> dict[str, set[str]]:
    """The tables that each view unites."""
    below: dict[str, set[str]] = {}
    for log_type in log_types:
        if log_type.table in known:
            for view in view_names(log_type):
                below.setdefault(view, set()).add(log_type.table)
    return below


def _only(tables: set[str], allowed: Collection[str]) -> exp.Expr | None:
    """The condition on a view's rows; ``None`` where all of its tables may be read."""
    if tables <= set(allowed):
        return None
    names = [exp.Literal.string(each) for each in sorted(tables & set(allowed))]
    return exp.In(this=exp.column(exp.to_identifier("m_table", quoted=True)), expressions=names)
