"""Promoted columns as SQL: scalars inside ``json`` columns, repeated as columns of their own."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.model.log_type import Path

from .layout import Layout, Promoted
from .sql import identifier, literal


class Promotion:
    """How the promoted columns of a log type are made.

    Reading a ``json`` column once into a struct costs a fraction of looking for each path, and taking the struct's
    members in Arrow costs nothing, where naming each in SQL would take longer to plan than a batch to parse. So the
    promoted columns stay in ``structs`` until :meth:`finish`; SQL makes columns only of those in ``used``, on which
    other expressions depend, and of the few that fit no struct.
    """

    def __init__(self, layout: Layout, used: Collection[str]) -> None:
        groups: dict[str, list[Promoted]] = {}
        for each in layout.promoted:
            groups.setdefault(each.parent.column, []).append(each)
        self._sources: dict[str, str] = {}
        self._columns: dict[str, str] = {}
        self._members: dict[str, tuple[str, list[int]]] = {}
        for number, (parent, group) in enumerate(groups.items()):
            self._plan(number, identifier(parent), group, used)

    @property
    def columns(self) -> frozenset[str]:
        """Promoted columns that :meth:`select` has."""
        return frozenset(self._columns)

    @property
    def structs(self) -> list[str]:
        """Further columns that :meth:`select` has and :meth:`finish` needs."""
        return sorted({struct for struct, _ in self._members.values()})

    def select(self, source: str) -> str:
        """Return a SELECT of all that ``source`` has, ``columns`` and ``structs``."""
        read = ["*", *(f"{sql} AS {name}" for name, sql in self._sources.items())]
        taken = ["*", *(f"{sql} AS {_raw(name)}" for name, sql in self._columns.items())]
        cleaned = ["*", *(f"{_scalars_of(_raw(name))} AS {identifier(name)}" for name in self._columns)]
        for layer in (read, taken, cleaned):  # one each, so that no expression is repeated inside another
            source = f"SELECT {', '.join(layer)} FROM ({source})"
        return source

    def finish(self, rows: pa.Table) -> pa.Table:
        """Turn the structs into columns."""
        structs = {name: rows[name].combine_chunks() for name in self.structs}
        columns = {name: rows[name] for name in rows.column_names if name not in structs}
        for name, (struct, indices) in self._members.items():
            columns[name] = _without_nested(pc.struct_field(structs[struct], indices))
        return pa.table(columns)

    def _plan(self, number: int, parent: str, group: list[Promoted], used: Collection[str]) -> None:
        tree: dict[str, Any] = {}
        paths: list[str] = []
        for each in group:
            if each.column.column not in used and _plant(tree, each.keys):
                self._members[each.column.column] = (f"m_part{number}", _indices(tree, each.keys))
            else:
                paths.append(literal(_json_path(each.keys)))
                self._columns[each.column.column] = f"m_list{number}[{len(paths)}]"
        if tree:
            self._sources[f"m_part{number}"] = f"from_json({parent}, {literal(json.dumps(tree))})"
        if paths:
            self._sources[f"m_list{number}"] = f"json_extract_string({parent}, [{', '.join(paths)}])"


def _raw(column: str) -> str:
    return identifier(f"m_raw_{column}")


def _indices(tree: dict[str, Any], keys: Path) -> list[int]:
    indices = []
    for key in keys:
        indices.append(list(tree).index(key))
        tree = tree[key]
    return indices


def _scalars_of(text: str) -> str:
    """Leave out the text of objects and arrays. (NOT IN in place of translate costs ten times as much to plan.)"""
    return f"CASE WHEN translate({text}[1], '{{', '[') <> '[' THEN {text} END"


def _without_nested(texts: pa.Array) -> pa.Array:
    if texts.null_count == len(texts):
        return texts
    nested = pc.or_(pc.starts_with(texts, "{"), pc.starts_with(texts, "["))
    return pc.if_else(nested, pa.scalar(None, pa.string()), texts) if pc.any(nested).as_py() else texts


def _plant(tree: dict[str, Any], keys: Path) -> bool:
    *above, last = keys
    for key in above:
        if not isinstance(tree, dict) or not _fits(tree, key):
            return False
        tree = tree.setdefault(key, {})
    if not isinstance(tree, dict) or last in tree or not _fits(tree, last):
        return False
    tree[last] = "VARCHAR"
    return True


def _fits(tree: dict[str, Any], key: str) -> bool:
    return key in tree or key.casefold() not in {other.casefold() for other in tree}


def _json_path(keys: Path) -> str:
    """Name an object's member: as a JSON pointer, but where a pointer would also index arrays as ``$."key"``."""
    if any(key.isdigit() or key == "-" for key in keys) and not any('"' in key or "\\" in key for key in keys):
        return "$" + "".join(f'."{key}"' for key in keys)
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
