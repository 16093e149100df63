"""Promoted columns as SQL: scalars inside ``json`` columns, repeated as columns of their own."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.model.log_type import Path

from .layout import Layout, Promoted
from .sql import identifier, literal


class Promotion:
    """How the promoted columns of a log type are made.

    Reading a ``json`` column once into a struct costs a fraction of looking for each path, and taking the struct's
    members in Arrow costs nothing. So :meth:`finish` makes the columns of ``structs``; SQL names only those in
    ``used``, on which other expressions depend, and looks for the few paths that fit no struct.
    """

    def __init__(self, layout: Layout, used: Collection[str]) -> None:
        self._used = used
        self._sources: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._members: list[tuple[Promoted, str, list[int]]] = []
        self._lone: list[Promoted] = []
        groups: dict[str, list[Promoted]] = {}
        for each in layout.promoted:
            groups.setdefault(each.parent.column, []).append(each)
        for number, (parent, group) in enumerate(groups.items()):
            self._plan(number, identifier(parent), group)

    @property
    def sources(self) -> list[str]:
        """Columns that :meth:`select` has and :meth:`finish` needs."""
        return [*dict.fromkeys(struct for _, struct, _ in self._members), *(_raw(each) for each in self._lone)]

    def select(self, source: str) -> str:
        """Return a SELECT of all that ``source`` has, ``sources`` and the columns in ``used``."""
        read = ["*", *(f"{sql} AS {name}" for name, sql in self._sources.items())]
        taken = ["*", *(f"{sql} AS {name}" for name, sql in self._texts.items())]
        named = [each.column.column for each, _, _ in self._members] + [each.column.column for each in self._lone]
        scalars = (f"{_scalar_of(_raw_name(name))} AS {identifier(name)}" for name in named if name in self._used)
        for layer in (read, taken, ["*", *scalars]):  # one each, so that no expression is repeated inside another
            source = f"SELECT {', '.join(layer)} FROM ({source})"
        return source

    def finish(self, rows: pa.Table) -> pa.Table:
        """Turn ``sources`` into columns."""
        sources = {name: rows[name].combine_chunks() for name in self.sources}
        columns = {name: rows[name] for name in rows.column_names if name not in sources}
        for each, struct, indices in self._members:
            texts = pc.struct_field(sources[struct], indices)
            columns[each.column.column] = _without_nested(texts, each, rows)
        for each in self._lone:
            columns[each.column.column] = _without_nested(sources[_raw(each)], each, rows)
        return pa.table(columns)

    def _plan(self, number: int, parent: str, group: list[Promoted]) -> None:
        tree: dict[str, Any] = {}
        struct, found = f"m_part{number}", f"m_list{number}"
        members = [each for each in group if _plant(tree, each.keys)]
        lone = [each for each in group if each not in members]
        for each in members:
            self._members.append((each, struct, _indices(tree, each.keys)))
            if each.column.column in self._used:
                self._texts[_raw(each)] = _member(struct, each.keys)
        for place, each in enumerate(lone, start=1):
            self._lone.append(each)
            self._texts[_raw(each)] = f"{found}[{place}]"
        if tree:
            self._sources[struct] = f"from_json({parent}, {literal(json.dumps(tree))})"
        if lone:
            paths = ", ".join(literal(_json_path(each.keys)) for each in lone)
            self._sources[found] = f"json_extract_string({parent}, [{paths}])"


def _raw(each: Promoted) -> str:
    return _raw_name(each.column.column)


def _raw_name(column: str) -> str:
    return f"m_raw_{column}"


def _member(struct: str, keys: Path) -> str:
    for key in keys:
        struct = f"struct_extract({struct}, {literal(key)})"
    return struct


def _indices(tree: dict[str, Any], keys: Path) -> list[int]:
    indices = []
    for key in keys:
        indices.append(list(tree).index(key))
        tree = tree[key]
    return indices


def _scalar_of(text: str) -> str:
    """Leave out what may be an object or an array: text that begins with ``[`` (91) or ``{`` (123)."""
    name = identifier(text)
    return f"CASE WHEN (ascii({name}) | 32) <> 123 THEN {name} END"


def _without_nested(texts: pa.Array, each: Promoted, rows: pa.Table) -> pa.Array:
    """Leave out objects and arrays, but no string that looks like one, such as a policy document."""
    if texts.null_count == len(texts):
        return texts
    suspects = pc.indices_nonzero(pc.or_(pc.starts_with(texts, "{"), pc.starts_with(texts, "[")))
    if not len(suspects):
        return texts
    parents = rows[each.parent.column].take(suspects).to_pylist()
    nested = pa.array([not _is_string(parent, each.keys) for parent in parents])
    dropped = pc.is_in(pa.array(range(len(texts)), pa.uint64()), value_set=suspects.filter(nested))
    return pc.if_else(dropped, pa.scalar(None, pa.string()), texts)


def _is_string(parent: str, keys: Path) -> bool:
    try:
        value: Any = msgspec.json.decode(parent)
    except (msgspec.DecodeError, RecursionError):
        return False
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return isinstance(value, str)


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
