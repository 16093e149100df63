"""Trino, as Amazon Athena's engine version 3 has it. Read back by a parser; not run here."""

from __future__ import annotations

from typing import ClassVar

from sqlglot import exp

from mantissa_core.detect.ir import Op, Regex
from mantissa_core.errors import RuleError
from mantissa_core.model.log_type import Path

from .addresses import ipv4, ipv4_pattern
from .arrays import ArrayDialect
from .dialect import COMMON, Expr, Test, call, every, free, function, present, variable
from .re2 import as_java


class Athena(ArrayDialect):
    """Trino's SQL."""

    name: ClassVar[str] = "Athena"
    reads: ClassVar[str] = "trino"
    functions: ClassVar[frozenset[str]] = COMMON | {
        "STR_POSITION", "STARTS_WITH", "REGEXP_LIKE", "ABS", "FLOOR", "SUBSTRING", "LENGTH", "CONCAT", "REPLACE",
        "AT_TIMEZONE", "TO_BASE64", "ANY_MATCH", "CARDINALITY", "ARRAY_SIZE", "FILTER", "TRANSFORM", "FLATTEN",
        "PARSE_JSON", "JSON_EXTRACT", "JSON_EXTRACT_SCALAR", "JSON_FORMAT", "TRY",
    }  # fmt: skip

    def micros(self, column: Expr) -> Expr:
        """The cast writes ``2026-01-02 03:04:05.000000 UTC``."""
        moment = exp.Cast(
            this=call("AT_TIMEZONE", column, exp.Literal.string("UTC")),
            to=exp.DataType.build("TIMESTAMP(6) WITH TIME ZONE", dialect="trino"),
        )
        text = exp.Cast(this=moment, to=exp.DataType.build("VARCHAR"))
        head = call("SUBSTR", text, exp.Literal.number(1), exp.Literal.number(26))
        return call("REPLACE", head, exp.Literal.string(" "), exp.Literal.string("T"))

    def related(self, op: Op, text: Expr, other: Expr) -> Expr:
        """There is no ENDS_WITH in every version: the text's tail is compared."""
        if op is not Op.ENDSWITH:
            return super().related(op, text, other)
        start = exp.Add(
            this=exp.Sub(this=call("LENGTH", text), expression=call("LENGTH", other)),
            expression=exp.Literal.number(1),
        )
        long_enough = exp.GTE(this=call("LENGTH", text), expression=call("LENGTH", other))
        return every([long_enough, exp.EQ(this=call("SUBSTR", text, start), expression=free(other))])

    def searches(self, text: Expr, expression: Regex) -> Expr:
        """REGEXP_LIKE searches anywhere, with Java's expressions."""
        return call("REGEXP_LIKE", text, self.literal(as_java(expression, self.name)))

    def inside(self, text: Expr, network: str) -> Expr:
        """A regular expression for IPv4."""
        return self.searches(text, Regex(ipv4_pattern(ipv4(network, self.name))))

    def any_of(self, many: Expr, test: Test) -> Expr:
        """ANY_MATCH."""
        each = variable()
        return call("ANY_MATCH", many, function(each, test(each)))

    def has(self, many: Expr) -> Expr:
        """The array's length."""
        return exp.GT(this=call("CARDINALITY", many), expression=exp.Literal.number(0))

    def parsed(self, text: Expr) -> Expr:
        """JSON_PARSE, without its error."""
        return call("TRY", call("JSON_PARSE", text))

    def member(self, value: Expr, key: str) -> Expr:
        """A quoted key."""
        return call("JSON_EXTRACT", value, self._path((key,)))

    def fanned(self, values: Expr) -> Expr:
        """What can be cast to an array is one."""

        def members(value: Expr) -> Expr:
            inner = exp.TryCast(this=free(value), to=exp.DataType.build("ARRAY(JSON)", dialect="trino"))
            return call("COALESCE", inner, self.array(value))

        return self.each(values, members)

    def each(self, values: Expr, step: Test) -> Expr:
        """Transform and flatten."""
        value = variable()
        return call("FLATTEN", call("TRANSFORM", values, function(value, step(value))))

    def without_nulls(self, values: Expr) -> Expr:
        """JSON's null is written as ``null``."""
        value = variable()
        return call("FILTER", values, function(value, self._not_null(value)))

    def json_texts(self, values: Expr) -> Expr:
        """Scalars by JSON_EXTRACT_SCALAR, the rest as JSON text."""
        value = variable()
        scalar = call("JSON_EXTRACT_SCALAR", value, exp.Literal.string("$"))
        text = call("COALESCE", scalar, call("JSON_FORMAT", value))
        return call("TRANSFORM", self.without_nulls(values), function(value, text))

    def has_member(self, text: Expr, path: Path) -> Expr:
        """A path through objects."""
        return self._not_null(call("JSON_EXTRACT", self.parsed(text), self._path(path)))

    def _not_null(self, value: Expr) -> Expr:
        null = exp.Literal.string("null")
        return every([present(value), exp.NEQ(this=call("JSON_FORMAT", value), expression=null)])

    def _path(self, path: Path) -> Expr:
        if any(character in key for key in path for character in '"\\'):
            raise RuleError(f"the key {'.'.join(path)!r} cannot be written in a JSON path of {self.name}")
        return self.literal("$" + "".join(f'["{key}"]' for key in path))
