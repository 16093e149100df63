"""When an event happened, as SQL: a ``TIMESTAMP`` in UTC, NULL where the event does not say it understandably."""

from __future__ import annotations

from mantissa_core.model import Column, LogType
from mantissa_core.model.log_type import EventTime, parse_path

from .sql import identifier, literal

UNITS_PER_SECOND = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}

_ISO_8601 = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
_NUMBER = r"-?[0-9]{1,19}([.][0-9]{1,9})?"
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
"""0001-01-01 to 9999-12-31."""


def said_time(log_type: LogType) -> str:
    """Return SQL for the time that the event says, whatever it is."""
    said = [_said(log_type, time) for time in log_type.times]
    return f"COALESCE({', '.join(said)})" if said else "NULL::TIMESTAMP"


def event_time(said: str) -> str:
    """Return SQL for the time that is kept: what every engine can read, the years 1 to 9999."""
    return (
        f"CASE WHEN {said} BETWEEN TIMESTAMP '0001-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999' "
        f"THEN {said} END"
    )


def _said(log_type: LogType, time: EventTime) -> str:
    column = log_type.by_path[parse_path(time.path)]
    return _iso_8601(column) if time.format == "iso8601" else _epoch(column, UNITS_PER_SECOND[time.format])


def _iso_8601(column: Column) -> str:
    name = identifier(column.column)
    if column.type in {"date", "timestamp"}:
        return f"CAST({name} AS TIMESTAMP)"
    if column.type not in {"string", "json"}:
        return "NULL::TIMESTAMP"
    said = _scalar(column)
    # The shape is checked first: the cast also reads 'infinity', 'epoch' and zone names.
    text = f"CASE WHEN regexp_full_match({said}, {literal(_ISO_8601)}) THEN replace(upper({said}), ',', '.') END"
    return f"CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP)"


def _epoch(column: Column, units: int) -> str:
    name = identifier(column.column)
    if column.type in {"string", "json"}:
        said = _scalar(column)
        number = f"CASE WHEN regexp_full_match({said}, {literal(_NUMBER)}) THEN TRY_CAST({said} AS DOUBLE) END"
    elif column.type in {"int32", "int64", "double"}:
        number = f"CAST({name} AS DOUBLE)"
    else:
        return "NULL::TIMESTAMP"
    inside = f"{number} BETWEEN {_FIRST_SECOND * units} AND {_LAST_SECOND * units}"
    micros = f"{number} * {1_000_000 // units}" if units <= 1_000_000 else f"{number} / {units // 1_000_000}"
    return f"CASE WHEN {inside} THEN make_timestamp(CAST(round({micros}) AS BIGINT)) END"


def _scalar(column: Column) -> str:
    """The text of a string, or of the number or string that is the whole of a ``json`` column."""
    name = identifier(column.column)
    return f"json_extract_string({name}, '$')" if column.type == "json" else name
