"""From the rows of a query to signals: how many there are, who and where, and what is shown of them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from mantissa_core.errors import RuleError
from mantissa_core.model import QueryResult, Signal
from mantissa_core.model.log_type import SCALARS

from .rule import SqlRule

SHOWN, ROOM = 10, 10_000
"""Rows that are kept as evidence, and characters of all of them: an alert keeps that of ten signals."""

EVENTS = 1000
"""Ids of events that are kept, where the query returns ``m_id``."""

LONGEST, MOST = 1000, 20
"""Characters of a value that are kept, and values of a list."""

Row = Mapping[str, Any]


def query_signals(rule: SqlRule, result: QueryResult, start: datetime, at: datetime) -> list[Signal]:
    """The signals of a run: one for each group that has more rows than the threshold, without groups one or none.

    ``start`` and ``at`` are the window's ends. The same run gives the same ids, whatever it finds.

    Raises:
        RuleError: the result lacks a column that the rule groups by.
    """
    columns = set(result.rows.column_names)
    if missing := [name for name in rule.group_by if name not in columns]:
        raise RuleError(f"mantissa.group_by: the query returns no column {missing[0]}")
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in result.rows.to_pylist():
        groups.setdefault(tuple(_text(row[name]) for name in rule.group_by), []).append(row)
    return [
        _signal(rule, values, rows, start, at, truncated=result.truncated)
        for values, rows in groups.items()
        if len(rows) > rule.threshold
    ]


def run_id(rule_id: str, at: datetime, values: Sequence[str]) -> str:
    """The id of what one rule found at one scheduled time in one group."""
    text = json.dumps([rule_id, at.isoformat(), list(values)], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _signal(
    rule: SqlRule, values: tuple[str, ...], rows: Sequence[Row], start: datetime, at: datetime, *, truncated: bool
) -> Signal:
    named = dict(zip(rule.group_by, values, strict=True))
    who = ", ".join(value for value in values if value)
    told = {"rows": len(rows), "more_than": rule.threshold, "from": start.isoformat(), "to": at.isoformat()}
    if truncated:
        told["truncated"] = True
    return Signal(
        id=run_id(rule.id, at, values),
        rule_id=rule.id,
        rule_name=rule.title,
        severity=rule.severity,
        summary=f"{rule.title}: {_cut(who)}" if who else rule.title,
        time=at,
        table=", ".join(rule.tables),
        event_ids=_events(rows),
        tags=rule.tags,
        # Without a group every run would open an alert of its own.
        group={name.removeprefix("m_"): value for name, value in named.items()} or {"rule": rule.id},
        entities=_entities(rows),
        evidence={**told, "results": _shown(rows)},
    )


def _shown(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The first rows, without NULLs and ids of events, as far as there is room for them."""
    shown: list[dict[str, Any]] = []
    left = ROOM
    for row in rows[:SHOWN]:
        told: dict[str, Any] = {}
        for name, value in row.items():
            if name == "m_id" or value is None:
                continue
            plain = _plain(value)
            left -= len(name) + len(json.dumps(plain))
            if left < 0:
                return [*shown, told] if told else shown
            told[name] = plain
        shown.append(told)
    return shown


def _entities(rows: Sequence[Row]) -> dict[str, str]:
    """What all rows agree on, of columns named as the overlay's (``m_user`` or ``user``)."""
    found: dict[str, str] = {}
    for name in SCALARS:
        column = next((each for each in (f"m_{name}", name) if each in rows[0]), None)
        values = {_text(row[column]) for row in rows} if column else set()
        if len(values) == 1 and (value := values.pop()):
            found[name] = value
    return found


def _events(rows: Iterable[Row]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for row in rows:
        value = row.get("m_id")
        found.update(dict.fromkeys(str(each) for each in (value if isinstance(value, list) else [value]) if each))
    return tuple(found)[:EVENTS]


def _text(value: Any) -> str:
    """A value as the text that groups and entities are made of; empty for NULL."""
    plain = _plain(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """A value as JSON takes it."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value[:MOST]]
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return _cut(value.hex())
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
