"""The ``m_*`` columns as SQL: one SELECT over the flat columns, for the fast and the slow path alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from mantissa_core.model import LogType
from mantissa_core.model.log_type import INDICATORS, SCALARS, MappedValue, NativeId, OverlayRule, parse_path

from .event_id import native_identity
from .event_time import event_time, said_time
from .layout import Layout
from .overlay_rules import Rules
from .promoted import Promotion
from .sql import identifier

_FLAGS = (
    "CASE WHEN m_event_time IS NULL OR m_misdated OR m_drift THEN list_filter(["
    "CASE WHEN m_event_time IS NULL THEN 'time_missing' END, "
    "CASE WHEN m_misdated THEN 'time_out_of_range' END, "
    "CASE WHEN m_drift THEN 'drift' END], lambda x: x IS NOT NULL) END"
)
_DT = "(CASE WHEN m_misdated IS NOT FALSE THEN $ingest::TIMESTAMP ELSE m_event_time END)::DATE::VARCHAR"


class Overlay:
    """Makes a log type's rows out of its stored columns.

    A source must have those, ``m_extra`` (text), ``m_drift`` (boolean) and ``m_row`` (the row's number). The SELECT
    binds ``$source`` (text), ``$ingest`` (timestamp in UTC), ``$oldest`` and ``$newest`` (dates), and looks into
    the tables ``maps``.
    """

    def __init__(self, layout: Layout) -> None:
        log_type = layout.log_type
        rules = Rules(log_type)
        self._log_type = log_type
        self._promotion = Promotion(layout, frozenset(_used(log_type)))
        native = [column.column for column in layout.stored]
        self._final = ", ".join(
            [
                "m_row",
                *map(identifier, native),
                *map(identifier, self._promotion.sources),
                f"{native_identity(log_type)} AS m_identity",
                "coalesce(m_event_time, $ingest::TIMESTAMP) AS m_time",
                "$ingest::TIMESTAMP AS m_ingest_time",
                "$source::VARCHAR AS m_source",
                *(f"{rules.scalar(name)} AS m_{name}" for name in SCALARS),
                *(f"{rules.indicators(name)} AS m_{name}" for name in INDICATORS),
                f"{_FLAGS} AS m_flags",
                "m_extra",
                f"{_DT} AS dt",
            ]
        )
        self._addresses = "".join(f", {sql} AS {alias}" for alias, sql in rules.addresses.items())
        self.maps: Mapping[str, Mapping[str, str]] = rules.maps

    def select(self, source: str) -> str:
        """Return the SELECT. Its columns come in no particular order."""
        promoted = self._promotion.select(source)
        # One layer per dependency, so that no expression is repeated inside another.
        said = f"SELECT *, {said_time(self._log_type)} AS m_said_time{self._addresses} FROM ({promoted})"
        timed = f"SELECT *, {event_time('m_said_time')} AS m_event_time FROM ({said})"
        judged = (
            f"SELECT *, m_event_time::DATE NOT BETWEEN $oldest::DATE AND $newest::DATE AS m_misdated FROM ({timed})"
        )
        return f"SELECT {self._final} FROM ({judged})"

    def finish(self, rows: pa.Table) -> pa.Table:
        """Add the columns that SQL left for the end."""
        return self._promotion.finish(rows)


def _used(log_type: LogType) -> Iterator[str]:
    """Columns that the overlay, the id or the time are made of."""
    overlay = log_type.overlay
    rules: list[OverlayRule] = [rule for name in (*SCALARS, *INDICATORS) for rule in getattr(overlay, name)]
    paths = [path for rule in rules for path in _paths(rule)]
    if isinstance(log_type.id, NativeId):
        paths += log_type.id.native
    paths += [time.path for time in log_type.times]
    for path in paths:
        yield log_type.by_path[parse_path(path)].column


def _paths(rule: OverlayRule) -> tuple[str, ...]:
    if isinstance(rule, str):
        return (rule,)
    return (rule.path,) if isinstance(rule, MappedValue) else tuple(rule.when)
