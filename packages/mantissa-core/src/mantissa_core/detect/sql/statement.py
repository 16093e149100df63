"""One SELECT for one rule or several: the ids of the rows that match, each with the rule's id."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from mantissa_core.detect.ir.tree import Node
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import LogType
from mantissa_core.model.log_type import LogSource, column_name

from .dialect import Dialect, either, fresh_names
from .gate import written
from .row import ID, ROWS, Row, Span, table_named, within


def statement(
    rule: Rule,
    dialect: Dialect,
    log_type: LogType | None = None,
    *,
    table: str = "",
    span: Span | None = None,
    pretty: bool = False,
) -> str:
    """``SELECT m_id, '<rule id>' AS rule_id …`` for one rule.

    Without a log type the table is named by the rule's log source, and every field is a column named by its path.
    ``pretty`` is for people: indented, with comments.

    Raises:
        RuleError: the dialect cannot express the rule exactly; the message says why.
    """
    row = Row(dialect, log_type)
    with fresh_names():
        condition = row.condition(rule.ir)
    label = exp.alias_(dialect.literal(rule.id), "rule_id", quoted=True, copy=False)
    select = exp.select(dialect.column(ID), label).where(condition, copy=False)
    name = table or table_of(rule.logsource, log_type)
    if row.plain:
        select = select.from_(table_named(name, dialect), copy=False).where(*within(span, dialect), copy=False)
    else:
        select = select.from_(row.source(name, span), copy=False)
    return written(select, dialect, pretty=pretty)


def shared(
    rules: Sequence[Rule], dialect: Dialect, log_type: LogType, *, table: str = "", span: Span | None = None
) -> str:
    """One scan for several rules, a row for each match. Where all rules are pinned, only rows with a pin are tagged.

    Raises:
        RuleError: the dialect cannot express one of the rules.
    """
    row, pins = Row(dialect, log_type), [_pin(rule) for rule in rules]
    with fresh_names():
        tags = dialect.tags([(row.chosen(rule.ir), rule.id) for rule in rules])
        named = [row.chosen(pin) for pin in dict.fromkeys(pins) if pin is not None]
    tagged = exp.not_(exp.Is(this=dialect.tag(), expression=exp.null()), copy=False)
    select = exp.select(exp.column(ID, table=ROWS, quoted=True), dialect.tag())
    select = select.from_(row.source(table or log_type.table, span), copy=False).join(tags, copy=False)
    select = select.where(tagged, copy=False)
    if None not in pins:
        select = select.where(either(named), copy=False)
    return written(select, dialect)


def table_of(source: LogSource, log_type: LogType | None) -> str:
    """The log type's table, or the name that a log type for this source would have."""
    if log_type is not None:
        return log_type.table
    return column_name(tuple(part for part in (source.product, source.service, source.category) if part))


def _pin(rule: Rule) -> Node | None:
    return min(rule.pins, key=lambda pin: len(pin.values), default=None)
