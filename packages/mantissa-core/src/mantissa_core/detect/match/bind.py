"""From a rule's field name to the columns of a table that hold its values.

A declared column stands for its path: where it is not null, its value is the field's. Where it is null the event
may still have the field, in ``m_extra`` (undeclared, or of another type than declared) or inside a ``json``
column; such rows are recognised by their JSON text naming the field's last key, and read from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from mantissa_core.model import Column, LogType
from mantissa_core.model.log_type import Path
from mantissa_core.parse.layout import Layout
from mantissa_core.parse.rebuild import Rebuilder

from .lookup import spellings

EXTRA = "m_extra"


@dataclass(frozen=True, eq=False)
class Binding:
    """Where a field's values stand.

    ``paths`` are the field's spellings. ``column`` holds the value where it is not null. ``texts`` are the columns
    of JSON text that may hold it otherwise, ``needles`` what such text then contains. ``parts`` are the columns
    that are (a part of) the value themselves: a ``json`` column, or the members of a declared object.
    ``related`` is what an event must be rebuilt from to look the field up.
    """

    log_type: LogType
    paths: tuple[Path, ...]
    column: Column | None
    texts: tuple[str, ...]
    needles: tuple[str, ...]
    parts: tuple[str, ...]
    related: tuple[Column, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to read."""
        own = (self.column.column,) if self.column else ()
        return tuple(dict.fromkeys((*own, *(column.column for column in self.related), EXTRA)))

    @property
    def repeats(self) -> bool:
        """Whether the column repeats a scalar of a ``json`` column, as text."""
        return self.column is not None and self.log_type.json_parent(self.column) is not None

    @property
    def respelled(self) -> bool:
        """Whether another spelling than the column's first may hold the value: then ``m_extra`` has them all."""
        return len(self.paths) > 1

    @property
    def declared(self) -> bool:
        """Whether the log type knows the path, or a ``json`` column above it."""
        return self.column is not None or bool(self.related)

    @cached_property
    def rebuilder(self) -> Rebuilder:
        """Makes events of rows as far as the related columns and ``m_extra`` go."""
        return Rebuilder(
            Layout(LogType.model_construct(name=self.log_type.name, title=self.log_type.title, columns=self.related))
        )


def bind(field: str, log_type: LogType) -> Binding:
    """Find the columns that hold ``field``, a name as rules write it."""
    paths = spellings(field, log_type)
    exact = log_type.by_path.get(paths[0])
    column = exact if exact is not None and exact.type != "json" else None
    related = tuple(each for each in log_type.columns if _relates(each, paths) and not _repeats(each, log_type))
    above = [each for each in related if each.type == "json" and not _below(each, paths)]
    return Binding(
        log_type=log_type,
        paths=paths,
        column=column,
        texts=(EXTRA, *(each.column for each in above)),
        needles=tuple(dict.fromkeys(needle(path[-1]) for path in paths)),
        parts=tuple(each.column for each in related if each is not column and _below(each, paths)),
        related=related,
    )


def undeclared(fields: Iterable[str], log_type: LogType) -> tuple[str, ...]:
    """Those of ``fields`` that the log type does not know: rules on them are slow, and may never match."""
    return tuple(field for field in fields if not bind(field, log_type).declared)


def needle(key: str) -> str:
    """What JSON text with a member ``key`` contains, also where dots join the key to others."""
    return json.dumps(key.rsplit(".", 1)[-1], ensure_ascii=False)[1:]


def _repeats(column: Column, log_type: LogType) -> bool:
    return log_type.json_parent(column) is not None


def _relates(column: Column, paths: tuple[Path, ...]) -> bool:
    """Whether one of the paths leads to, through or above the column, keys with dots in them included."""
    return any(_leads(spelling, path) or _leads(path, spelling) for spelling in _all(column) for path in paths)


def _below(column: Column, paths: tuple[Path, ...]) -> bool:
    return any(_leads(path, spelling) for spelling in _all(column) for path in paths)


def _all(column: Column) -> tuple[Path, ...]:
    return (column.keys, *column.alternates)


def _leads(path: Path, further: Path) -> bool:
    return f"{'.'.join(further)}.".startswith(f"{'.'.join(path)}.")
