"""BigQuery (GoogleSQL). Run by the tests on the BigQuery emulator where one is installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery as SqlglotBigQuery
from sqlglot.parser import Parser
from sqlglot.parsers.bigquery import BigQueryParser

from mantissa_core.detect.ir.tree import Regex
from mantissa_core.model.log_type import ColumnType, Path

from .addresses import ipv4, ipv4_pattern
from .arrays import SCALARS, ArrayDialect
from .dialect import COMMON, Expr, Test, call, case, free, present, variable


class _Parser(BigQueryParser):
    """Reads back no more than was written: not what kind of array UNNEST has, nor whether a table is an array.

    sqlglot works both out by copying the tree again for every level of a query.
    """

    SUPPORTS_IMPLICIT_UNNEST = False

    def _parse_unnest(self, with_alias: bool = True) -> exp.Unnest | None:
        return Parser._parse_unnest(self, with_alias)


class GoogleSQL(SqlglotBigQuery):
    """sqlglot's dialect with that parser."""

    Parser = _Parser


class BigQuery(ArrayDialect):
    """GoogleSQL. Its regular expressions are RE2, its lambdas subqueries over UNNEST."""

    name: ClassVar[str] = "BigQuery"
    reads: ClassVar[str | type[sqlglot.Dialect]] = GoogleSQL
    text_type: ClassVar[str] = "STRING"
    functions: ClassVar[frozenset[str]] = COMMON | {
        "STR_POSITION", "STARTS_WITH", "ENDS_WITH", "REGEXP_LIKE", "ABS", "FLOOR", "SUBSTRING", "CONCAT", "TO_BASE64",
        "TIME_TO_STR", "TS_OR_DS_TO_TIMESTAMP", "EXISTS", "ARRAY_SIZE", "SAFE_FUNC", "PARSE_JSON", "JSON_EXTRACT",
        "JSON_FLATTEN", "ARRAY_AGG", "JSON_TYPE", "JSON_FORMAT", "LAX_STRING", "REGEXP_EXTRACT_ALL", "ARRAY_CONCAT",
    }  # fmt: skip

    def micros(self, column: Expr) -> Expr:
        """FORMAT_TIMESTAMP with six digits."""
        return call("FORMAT_TIMESTAMP", exp.Literal.string("%Y-%m-%dT%H:%M:%E6S"), column, exp.Literal.string("UTC"))

    def escaped(self, text: str) -> str:
        """LIKE's escape character is the backslash, and no other can be chosen."""
        return "".join("\\" + character if character in "%_\\" else character for character in text)

    def like(self, text: Expr, pattern: Expr) -> Expr:
        """LIKE without ESCAPE."""
        return exp.Like(this=free(text), expression=free(pattern))

    def searches(self, text: Expr, expression: Regex) -> Expr:
        """REGEXP_CONTAINS searches anywhere; flags stand in the pattern."""
        return call("REGEXP_CONTAINS", text, self.literal(str(expression)))

    def inside(self, text: Expr, network: str) -> Expr:
        """A regular expression for IPv4."""
        return self.searches(text, Regex(ipv4_pattern(ipv4(network, self.name))))

    def stored(self, column: Expr, kind: ColumnType) -> Expr:
        """A repeated column is never null, but empty."""
        return self.has(column) if kind == "list<string>" else super().stored(column, kind)

    def any_of(self, many: Expr, test: Test) -> Expr:
        """EXISTS over UNNEST."""
        each = variable()
        rows = exp.select(exp.Literal.number(1)).from_(_unnested(many, each), copy=False).where(test(each), copy=False)
        return exp.Exists(this=rows)

    def has(self, many: Expr) -> Expr:
        """The array's length."""
        return exp.GT(this=call("ARRAY_LENGTH", many), expression=exp.Literal.number(0))

    def first_of(self, alternatives: Sequence[Expr]) -> Expr:
        """ARRAY_AGG over no rows is NULL."""
        if len(alternatives) == 1:
            return alternatives[0]
        return call("COALESCE", *(self._unless_empty(each) for each in alternatives))

    def leaves(self, text: Expr) -> Expr:
        """The scalars that stand in the text, each parsed; what ends with a colon is a key."""
        token = variable()
        tokens = _unnested(call("REGEXP_EXTRACT_ALL", text, exp.Literal.string(SCALARS)), token)
        value = exp.not_(call("ENDS_WITH", token, exp.Literal.string(":")), copy=False)
        rows = exp.select(self.parsed(token)).from_(tokens, copy=False).where(value, copy=False)
        return self.json_texts(call("ARRAY", rows))

    def joined(self, texts: Sequence[Expr], manys: Sequence[Expr]) -> Expr:
        """One array; nulls are dropped from it."""
        each = variable()
        arrays = [self.array(*texts), *(call("COALESCE", many, self.array()) for many in manys)]
        everything = _unnested(call("ARRAY_CONCAT", *arrays), each)
        rows = exp.select(each.copy()).from_(everything, copy=False).where(present(each), copy=False)
        return call("ARRAY", rows)

    def parsed(self, text: Expr) -> Expr:
        """SAFE.PARSE_JSON, rounding numbers that a double cannot hold."""
        rounding = exp.PropertyEQ(this=exp.to_identifier("wide_number_mode"), expression=exp.Literal.string("round"))
        return exp.Dot(this=exp.to_identifier("SAFE"), expression=call("PARSE_JSON", text, exp.Kwarg(**rounding.args)))

    def member(self, value: Expr, key: str) -> Expr:
        """A quoted key; a subscript for a key that JSON paths cannot quote."""
        if '"' in key or "\\" in key:
            return exp.Bracket(this=free(value), expressions=[self.literal(key)])
        return call("JSON_QUERY", value, self.literal(f'$."{key}"'))

    def fanned(self, value: Expr) -> Expr:
        """JSON_FLATTEN goes through arrays of arrays."""
        return call("JSON_FLATTEN", value)

    def each(self, values: Expr, step: Test) -> Expr:
        """A subquery with two UNNESTs."""
        value, inner = variable(), variable()
        rows = (
            exp.select(inner.copy())
            .from_(_unnested(values, value), copy=False)
            .join(_unnested(step(value), inner), join_type="cross", copy=False)
        )
        return call("ARRAY", rows)

    def without_nulls(self, values: Expr) -> Expr:
        """JSON's null is of the type null."""
        value = variable()
        rows = exp.select(value.copy()).from_(_unnested(values, value), copy=False).where(_not_null(value), copy=False)
        return call("ARRAY", rows)

    def json_texts(self, values: Expr) -> Expr:
        """Scalars by LAX_STRING, the rest as JSON text."""
        value = variable()
        text = call("COALESCE", call("LAX_STRING", value), call("TO_JSON_STRING", value))
        rows = exp.select(text).from_(_unnested(values, value), copy=False).where(_not_null(value), copy=False)
        return call("ARRAY", rows)

    def has_member(self, text: Expr, path: Path) -> Expr:
        """A path through objects."""
        value = self.parsed(text)
        for key in path:
            value = self.member(value, key)
        return _not_null(value)

    def tags(self, conditions: Sequence[tuple[Expr, str]]) -> exp.Join:
        """UNNEST names the element itself."""
        labels = self.array(*(case((condition, self.literal(label))) for condition, label in conditions))
        return exp.Join(this=_unnested(labels, exp.column("rule_id")), kind="CROSS")

    def tag(self) -> Expr:
        """The element's name."""
        return exp.column("rule_id")

    def _unless_empty(self, values: Expr) -> Expr:
        value = variable()
        return exp.select(call("ARRAY_AGG", value)).from_(_unnested(values, value), copy=False).subquery(copy=False)


def _unnested(values: Expr, name: exp.Column) -> exp.Unnest:
    return exp.Unnest(expressions=[free(values)], alias=exp.TableAlias(columns=[name.this.copy()]))


def _not_null(value: Expr) -> Expr:
    """TO_JSON_STRING of NULL is ``null``, as that of JSON's null."""
    return exp.NEQ(this=call("TO_JSON_STRING", value), expression=exp.Literal.string("null"))
