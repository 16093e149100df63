"""One decision per row: most are judged by their declared columns, the few that have drifted by exact lookups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from mantissa_core.detect.ir.derive import predicates
from mantissa_core.detect.ir.tree import FieldRef, Node
from mantissa_core.model import LogType

from .dialect import Dialect, Expr
from .field import Fields, Texts
from .render import render

ROWS = "r"
"""The name of the subquery that reads the table."""

ID = "m_id"
INGESTED = "m_ingest_time"
USUAL = "m_usual"
"""The column that is the condition on a row that has not drifted."""
DRIFTED = "m_drifted"

_MARGIN = 200
"""Bytes of names, labels and keywords around a part of a statement."""

_USUAL = "the rule, in rows whose fields have their declared types"
_DRIFTED = "other rows: m_extra has one of the fields"
_LOOKUP = "its values there"


@dataclass(frozen=True, slots=True)
class Span:
    """Rows ingested from ``start`` on and before ``end``."""

    start: datetime
    end: datetime


class Row:
    """The conditions of one statement, and the subquery that makes the columns which they use."""

    def __init__(self, dialect: Dialect, log_type: LogType | None) -> None:
        self._dialect = dialect
        self._fields = Fields(dialect, log_type)
        self._usual: Expr | None = None

    @property
    def plain(self) -> bool:
        """The conditions need nothing but the table's columns."""
        return not self._fields.lookups

    def condition(self, node: Node) -> Expr:
        """The condition of the statement's only rule. What needs no lookup is worked out where the row is read.

        Raises:
            RuleError: the engine cannot express something of it exactly.
        """
        usual = self._render(node, exact=False)
        if not self._drifts(node):
            return usual
        exact = self._render(node, exact=True)
        made = {each.alias for each in self._fields.lookups}
        if not any(each.name in made for each in usual.find_all(exp.Column)):
            self._usual = exp.alias_(self._dialect.flag(usual), USUAL, quoted=True, copy=False)
            usual = self._dialect.flagged(self._dialect.column(USUAL))
        return self._decided(exact, usual)

    def chosen(self, node: Node) -> Expr:
        """The condition of one of several rules.

        Raises:
            RuleError: the engine cannot express something of it exactly.
        """
        usual = self._render(node, exact=False)
        return self._decided(self._render(node, exact=True), usual) if self._drifts(node) else usual

    def bytes_of(self, node: Node) -> dict[str, int]:
        """What one of several rules adds to a statement: the size of each part, those that rules share by one name.

        Raises:
            RuleError: as for :meth:`chosen`.
        """
        fields, reads = touched(node), self._dialect.reads
        condition = len(self.chosen(node).sql(dialect=reads).encode())
        parts = {f"rule {id(node)}": condition + _MARGIN}
        for field in fields:
            found = self._fields[field]
            parts[f"lookup of {field}"] = len(self._fields.lookup_text(field).encode()) + _MARGIN
            if found.drifted is not None:
                parts[f"test of {field}"] = len(found.drifted.sql(dialect=reads).encode())
        return parts

    def source(self, table: str, span: Span | None) -> exp.Subquery:
        """The subquery, once all conditions are made."""
        dialect, fields = self._dialect, self._fields
        selected = [dialect.column(ID)]
        if self._usual is not None:
            self._usual.add_comments([_USUAL])
            selected.append(self._usual)
        if fields.drifted is not None:
            flag = exp.alias_(dialect.flag(fields.drifted), DRIFTED, quoted=True, copy=False)
            flag.add_comments([_DRIFTED])
            selected.append(flag)
        for each in fields.lookups:
            each.add_comments([_LOOKUP])
        selected += [*fields.columns, *fields.lookups]
        select = exp.select(*selected, copy=False).from_(table_named(table, dialect), copy=False)
        return select.where(*within(span, dialect), copy=False).subquery(ROWS, copy=False)

    def _render(self, node: Node, *, exact: bool) -> Expr:
        def look(field: str | None) -> Texts:
            found = self._fields[field]
            return found.exact if exact else found.usual

        return render(node, self._dialect, look)

    def _drifts(self, node: Node) -> bool:
        return any(self._fields[field].drifted is not None for field in touched(node))

    def _decided(self, exact: Expr, usual: Expr) -> Expr:
        return self._dialect.decided(self._dialect.flagged(self._dialect.column(DRIFTED)), exact, usual)


def touched(node: Node) -> set[str | None]:
    """The fields that a tree asks for; ``None`` for keywords."""
    found = {each.field for each in predicates(node)}
    return found | {value.field for each in predicates(node) for value in each.values if isinstance(value, FieldRef)}


def within(span: Span | None, dialect: Dialect) -> list[Expr]:
    """The conditions on a row of the span."""
    if span is None:
        return []
    return [
        exp.GTE(this=dialect.column(INGESTED), expression=dialect.instant(span.start)),
        exp.LT(this=dialect.column(INGESTED), expression=dialect.instant(span.end)),
    ]


def table_named(name: str, dialect: Dialect) -> exp.Table:
    """A table's name, which may be qualified: ``dataset.table``."""
    parts = [exp.to_identifier(part, quoted=True) for part in name.split(".")]
    table = exp.Table(**dict(zip(("this", "db", "catalog"), reversed(parts), strict=False)))
    if dialect.rows:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(dialect.rows, quoted=True)))
    return table
