"""BigQuery (GoogleSQL). Read back by a parser; not run here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from sqlglot import exp

from mantissa_core.detect.ir import Regex
from mantissa_core.errors import RuleError
from mantissa_core.model.log_type import Path

from .addresses import ipv4, ipv4_pattern
from .arrays import ArrayDialect
from .dialect import COMMON, Expr, Test, call, case, free, present, variable


class BigQuery(ArrayDialect):
    """GoogleSQL. Its regular expressions are RE2, its lambdas subqueries over UNNEST."""

    name: ClassVar[str] = "BigQuery"
    reads: ClassVar[str] = "bigquery"
    text_type: ClassVar[str] = "STRING"
    functions: ClassVar[frozenset[str]] = COMMON | {
        "STR_POSITION", "STARTS_WITH", "ENDS_WITH", "REGEXP_LIKE", "ABS", "FLOOR", "SUBSTRING", "CONCAT", "TO_BASE64",
        "TIME_TO_STR", "TS_OR_DS_TO_TIMESTAMP", "EXISTS", "ARRAY_SIZE", "SAFE_FUNC", "PARSE_JSON", "JSON_EXTRACT",
        "JSON_EXTRACT_ARRAY", "ARRAY_AGG", "JSON_TYPE", "JSON_FORMAT", "LAX_STRING",
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

    def parsed(self, text: Expr) -> Expr:
        """SAFE.PARSE_JSON, rounding numbers that a double cannot hold."""
        rounding = exp.PropertyEQ(this=exp.to_identifier("wide_number_mode"), expression=exp.Literal.string("round"))
        return exp.Dot(this=exp.to_identifier("SAFE"), expression=call("PARSE_JSON", text, exp.Kwarg(**rounding.args)))

    def member(self, value: Expr, key: str) -> Expr:
        """A quoted key."""
        return call("JSON_QUERY", value, self._path((key,)))

    def fanned(self, values: Expr) -> Expr:
        """JSON_QUERY_ARRAY where the value is an array."""

        def members(value: Expr) -> Expr:
            is_array = exp.EQ(this=call("JSON_TYPE", value), expression=exp.Literal.string("array"))
            return case((is_array, call("JSON_QUERY_ARRAY", value)), default=self.array(value))

        return self.each(values, members)

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
        return _not_null(call("JSON_QUERY", self.parsed(text), self._path(path)))

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

    def _path(self, path: Path) -> Expr:
        if any(character in key for key in path for character in '"\\'):
            raise RuleError(f"the key {'.'.join(path)!r} cannot be written in a JSON path of {self.name}")
        return self.literal("$" + "".join(f'."{key}"' for key in path))


def _unnested(values: Expr, name: exp.Column) -> exp.Unnest:
    return exp.Unnest(expressions=[free(values)], alias=exp.TableAlias(columns=[name.this.copy()]))


def _not_null(value: Expr) -> Expr:
    return exp.and_(
        present(value),
        exp.NEQ(this=call("JSON_TYPE", value), expression=exp.Literal.string("null")),
        copy=False,
    )
