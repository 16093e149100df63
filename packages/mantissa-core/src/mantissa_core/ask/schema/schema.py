"""The tables and views of a lake as people may ask about them: columns, types, descriptions, synonyms, known values.

Made of the log types, so that a new source can be asked about without another word. A language model is shown it, the
offline parser takes its vocabulary from it, and what somebody may not see is not in theirs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace

from mantissa_core.ask.compile import Table
from mantissa_core.ask.plan import ADDRESS, COUNTRY, Compare, Op
from mantissa_core.errors import QueryError
from mantissa_core.lake import views
from mantissa_core.lake.types import OVERLAY, PARTITION, stored_as, stored_type
from mantissa_core.model.log_type import Case, LogType, MappedValue, parse_path

from . import overlay

_WORD = re.compile(r"[a-z0-9]+")
_BOUND = re.compile(r"([<>]=?)\s*(\d+(?:\.\d+)?)")
_BOUNDS = re.compile(rf"{_BOUND.pattern}(?:\s+{_BOUND.pattern})*")
_SIGNS: Mapping[str, Op] = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


@dataclass(frozen=True, slots=True)
class SchemaColumn:
    """A column. ``type`` is its SQL type, ``values`` are those that are known, with what they mean."""

    name: str
    type: str
    description: str = ""
    synonyms: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskedEvent:
    """An event that people ask for by a phrase ("access denied"), and the conditions that it is told by."""

    phrases: tuple[str, ...]
    filters: tuple[Compare, ...]


@dataclass(frozen=True, slots=True)
class SchemaTable:
    """A table of one log type, or a view over several (``log_types``)."""

    name: str
    title: str
    description: str
    synonyms: tuple[str, ...]
    columns: Mapping[str, SchemaColumn]
    log_types: tuple[str, ...]
    asked: tuple[AskedEvent, ...] = ()
    actions: tuple[str, ...] = ()
    """What its ``m_action`` may hold."""
    telling: tuple[str, ...] = ()
    """Columns that tell what kind of event a row is."""

    @property
    def is_view(self) -> bool:
        """Whether it shows rows of other tables."""
        return self.name in overlay.VIEWS

    def table(self) -> Table:
        """As plans are compiled with it."""
        return Table(self.name, {name: each.type for name, each in self.columns.items()}, self.telling)


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a search found its words: a column of a table, or the table itself (``None``)."""

    table: SchemaTable
    column: SchemaColumn | None
    score: int


class Schema:
    """What may be asked about."""

    def __init__(self, tables: Iterable[SchemaTable], *, locates: bool = False) -> None:
        self.locates = locates
        """Whether countries of addresses can be looked up."""
        self.tables: Mapping[str, SchemaTable] = {each.name: each for each in tables}

    @classmethod
    def of(
        cls,
        log_types: Iterable[LogType],
        existing: Collection[str],
        allowed: Collection[str] | None = None,
        *,
        locates: bool = False,
    ) -> Schema:
        """Of the tables that exist and views over them; with ``allowed`` only of those that somebody may see.

        Where somebody ``locates`` addresses, tables that do not tell the country of theirs have a column for it.
        """
        seen = [each for each in log_types if each.table in existing and (allowed is None or each.table in allowed)]
        seen.sort(key=lambda each: each.name)
        found = [*map(_table, seen), *_views(seen)]
        return cls(map(_located, found) if locates else found, locates=locates)

    def table(self, name: str) -> Table:
        """A table or view as plans are compiled with it.

        Raises:
            QueryError: nothing of that name may be asked about.
        """
        try:
            return self.tables[name].table()
        except KeyError:
            known = ", ".join(self.tables) or "none yet"
            raise QueryError(f"there is no table {name!r} (there are: {known})") from None

    @property
    def version(self) -> str:
        """Changes with whatever a plan could depend on: 16 hexadecimal digits."""
        text = json.dumps([asdict(each) for each in self.tables.values()], sort_keys=True, default=_plain)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def search(self, words: str, limit: int = 20) -> list[Hit]:
        """Tables and columns that are about these words, those about most of them first."""
        wanted = set(_WORD.findall(words.lower()))
        hits = [each for table in self.tables.values() for each in _hits(table, wanted)]
        hits.sort(key=lambda each: (-each.score, each.table.name, each.column.name if each.column else ""))
        return hits[:limit]


def _plain(value: object) -> object:
    return value.model_dump() if isinstance(value, Compare) else list(value)  # type: ignore[call-overload]


def _hits(table: SchemaTable, wanted: set[str]) -> Iterator[Hit]:
    about_table = _words(table.name, table.title, *table.synonyms)
    if score := 3 * len(wanted & about_table):
        yield Hit(table, None, score)
    for column in table.columns.values():
        named = wanted & _words(column.name, *column.synonyms)
        told = wanted & _words(column.description, *column.values, *column.values.values())
        if found := named | told:
            yield Hit(table, column, 3 * len(named) + len(told) + len((wanted - found) & about_table))


def _words(*texts: str) -> set[str]:
    return {word for text in texts for word in _WORD.findall(text.lower().replace("_", " "))}


def _table(log_type: LogType) -> SchemaTable:
    native = [
        SchemaColumn(each.column, stored_type(each.type).sql, each.description, each.synonyms, dict(each.values or {}))
        for each in log_type.columns
    ]
    return SchemaTable(
        log_type.table,
        log_type.title,
        log_type.description,
        tuple(dict.fromkeys([log_type.name, *log_type.synonyms])),
        {each.name: each for each in [*native, *_overlay(), _told(PARTITION, "VARCHAR")]},
        (log_type.name,),
        tuple(_asked(log_type)),
        tuple(sorted(set(_actions(log_type)))),
        tuple(log_type.by_path[parse_path(path)].column for path in log_type.cluster),
    )


def _actions(log_type: LogType) -> Iterator[str]:
    for rule in log_type.overlay.action:
        if isinstance(rule, MappedValue):
            yield from rule.map.values()
            yield from (rule.default,) if rule.default else ()
        elif isinstance(rule, Case):
            yield rule.then


def _located(table: SchemaTable) -> SchemaTable:
    """The same with the country of its source addresses, unless it tells one."""
    if ADDRESS not in table.columns or any("country" in each.synonyms for each in table.columns.values()):
        return table
    told = "Country of the source address, in English. It is looked up for questions; SQL does not know it."
    return replace(table, columns={**table.columns, COUNTRY: SchemaColumn(COUNTRY, "VARCHAR", told, ("country",))})


def _asked(log_type: LogType) -> Iterator[AskedEvent]:
    for each in log_type.asked:
        columns = ((log_type.by_path[parse_path(path)].column, value) for path, value in each.when.items())
        filters = (condition for column, value in columns for condition in _conditions(column, value))
        yield AskedEvent(each.phrases, tuple(filters))


def _conditions(column: str, value: str | bool | int | tuple[str, ...] | None) -> Iterator[Compare]:
    if isinstance(value, str) and _BOUNDS.fullmatch(value):
        for sign, number in _BOUND.findall(value):
            yield Compare(field=column, op=_SIGNS[sign], value=float(number) if "." in number else int(number))
    else:
        yield _condition(column, value)


def _condition(column: str, value: str | bool | int | tuple[str, ...] | None) -> Compare:
    match value:
        case None:
            return Compare(field=column, op="is_null")
        case "*":
            return Compare(field=column, op="not_null")
        case tuple():
            return Compare(field=column, op="in", value=value)
        case str() if value.startswith("*") and value.endswith("*"):
            return Compare(field=column, op="contains", value=value[1:-1])
        case str() if value.endswith("*"):
            return Compare(field=column, op="starts", value=value[:-1])
        case str() if value.startswith("*"):
            return Compare(field=column, op="ends", value=value[1:])
    return Compare(field=column, value=value)


def _views(log_types: list[LogType]) -> Iterator[SchemaTable]:
    for name, (title, words) in overlay.VIEWS.items():
        if below := tuple(each.name for each in log_types if name in each.views):
            columns = {column: _told(column, kind) for column, kind in views.COLUMNS.items()}
            names = views.VIEW_NAMES[name]
            synonyms = tuple(dict.fromkeys([*names[1:], *words.synonyms]))
            actions = sorted({action for each in log_types if name in each.views for action in _actions(each)})
            yield SchemaTable(name, title, words.description, synonyms, columns, below, actions=tuple(actions))


def _overlay() -> list[SchemaColumn]:
    return [_told(each.name, stored_as(each.type).sql) for each in OVERLAY]


def _told(name: str, kind: str) -> SchemaColumn:
    words = overlay.COLUMNS[name]
    return SchemaColumn(name, kind, words.description, words.synonyms, overlay.VALUES.get(name, {}))
