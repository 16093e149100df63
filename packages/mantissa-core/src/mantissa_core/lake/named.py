"""The tables and views that a query names, as an engine needs them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import pyarrow as pa

from mantissa_core.model.log_type import LogType
from mantissa_core.model.query import TableSnapshot

from .lake import Lake
from .spec import TableSpec
from .types import PARTITION, stored_as
from .views import views


def tables_named(
    sql: str,
    lake: Lake,
    log_types: Iterable[LogType],
    absent: Iterable[TableSpec] = (),
    allowed: Collection[str] | None = None,
) -> tuple[list[str], list[TableSnapshot]]:
    """The names of all tables and views, and those that ``sql`` names (or the views below it do).

    ``absent`` are tables that count as empty where the lake does not have them yet. With ``allowed`` no other table
    exists, and views are over those alone.
    """
    stored = [each for each in lake.tables() if allowed is None or each in allowed]
    empty = {each.name: each for each in absent if each.name not in stored}
    tables = [*stored, *empty]
    defined = list(views(log_types, tables))
    words, found = _words(sql), []
    for view in defined:
        if view.name in words:
            words |= _words(view.sql or "")
            found.append(view)
    found += [lake.table(name).snapshot() for name in stored if name in words]
    found += [_without_rows(each) for name, each in empty.items() if name in words]
    return [*tables, *(view.name for view in defined)], found


def _without_rows(spec: TableSpec) -> TableSnapshot:
    schema = spec.schema.append(pa.field(PARTITION, pa.string()))
    return TableSnapshot(spec.name, {field.name: stored_as(field.type).sql for field in schema})


def _words(sql: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", sql)}
