"""One SELECT for one rule or several: the ids of the rows that match, each with the rule's id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from mantissa_core.detect.ir import Node
from mantissa_core.detect.rules import Rule
from mantissa_core.model import LogType
from mantissa_core.model.log_type import LogSource, column_name

from .dialect import Dialect, either
from .field import ROWS, Fields, column
from .gate import written
from .render import render

ID = "m_id"
INGESTED = "m_ingest_time"


@dataclass(frozen=True, slots=True)
class Span:
    """Rows ingested from ``start`` on and before ``end``."""

    start: datetime
    end: datetime


def statement(
    rule: Rule, dialect: Dialect, log_type: LogType | None = None, *, table: str = "", span: Span | None = None
) -> str:
    """``SELECT m_id, '<rule id>' AS rule_id …`` for one rule.

    Without a log type the table is named by the rule's log source, and every field is a column named by its path.

    Raises:
        RuleError: the dialect cannot express the rule exactly; the message says why.
    """
    fields = Fields(dialect, log_type)
    condition = render(rule.ir, dialect, fields)
    source = rows(fields, dialect, table or table_of(rule.logsource, log_type), span)
    label = exp.alias_(dialect.literal(rule.id), "rule_id", quoted=True, copy=False)
    select = (
        exp.select(exp.column(ID, table=ROWS, quoted=True), label)
        .from_(source, copy=False)
        .where(condition, copy=False)
    )
    return written(select, dialect)


def shared(
    rules: Sequence[Rule], dialect: Dialect, log_type: LogType, *, table: str = "", span: Span | None = None
) -> str:
    """One scan for several rules, a row for each match. Where all rules are pinned, only rows with a pin are tagged.

    Raises:
        RuleError: the dialect cannot express one of the rules.
    """
    fields = Fields(dialect, log_type)
    tags = dialect.tags([(render(rule.ir, dialect, fields), rule.id) for rule in rules])
    pins = [_pin(rule) for rule in rules]
    named = [render(pin, dialect, fields) for pin in dict.fromkeys(pins) if pin is not None]
    source = rows(fields, dialect, table or log_type.table, span)
    tagged = exp.not_(exp.Is(this=dialect.tag(), expression=exp.null()), copy=False)
    select = exp.select(exp.column(ID, table=ROWS, quoted=True), dialect.tag())
    select = select.from_(source, copy=False).join(tags, copy=False).where(tagged, copy=False)
    if None not in pins:
        select = select.where(either(named), copy=False)
    return written(select, dialect)


def rows(fields: Fields, dialect: Dialect, table: str, span: Span | None) -> exp.Subquery:
    """The subquery that works out the fields."""
    select = exp.select(column(ID), *fields.selected).from_(_table(table), copy=False)
    if span is not None:
        ingested = column(INGESTED)
        select = select.where(
            exp.GTE(this=ingested.copy(), expression=dialect.instant(span.start)),
            exp.LT(this=ingested.copy(), expression=dialect.instant(span.end)),
            copy=False,
        )
    return select.subquery(ROWS, copy=False)


def _table(name: str) -> exp.Table:
    """A table's name, which may be qualified: ``dataset.table``."""
    parts = [exp.to_identifier(part, quoted=True) for part in name.split(".")]
    return exp.Table(**dict(zip(("this", "db", "catalog"), reversed(parts), strict=False)))


def table_of(source: LogSource, log_type: LogType | None) -> str:
    """The log type's table, or the name that a log type for this source would have."""
    if log_type is not None:
        return log_type.table
    return column_name(tuple(part for part in (source.product, source.service, source.category) if part))


def _pin(rule: Rule) -> Node | None:
    return min(rule.pins, key=lambda pin: len(pin.values), default=None)
