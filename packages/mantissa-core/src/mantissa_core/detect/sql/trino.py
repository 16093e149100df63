"""Trino, as Amazon Athena's engine version 3 has it. Run by the tests on Trino 476 where one is installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from sqlglot import exp

from mantissa_core.detect.ir.tree import Op, Regex
from mantissa_core.model.log_type import Path

from .addresses import ipv4, ipv4_pattern
from .arrays import SCALARS, ArrayDialect
from .dialect import COMMON, EXACT, Expr, Test, call, case, every, free, function, present, variable
from .re2 import as_java


class Athena(ArrayDialect):
    """Trino's SQL."""

    name: ClassVar[str] = "Athena"
    reads: ClassVar[str] = "trino"
    largest: ClassVar[int] = 50_000
    """Athena takes 262,144 bytes, but Trino's compiler found 84,000 of conditions too complex, and 42,000 not."""
    functions: ClassVar[frozenset[str]] = COMMON | {
        "STR_POSITION", "STARTS_WITH", "REGEXP_LIKE", "ABS", "FLOOR", "SUBSTRING", "LENGTH", "CONCAT", "REPLACE",
        "AT_TIMEZONE", "TO_BASE64", "ANY_MATCH", "CARDINALITY", "ARRAY_SIZE", "FILTER", "TRANSFORM", "FLATTEN",
        "REDUCE", "REGEXP_EXTRACT_ALL", "PARSE_JSON", "JSON_EXTRACT", "JSON_EXTRACT_SCALAR", "JSON_FORMAT", "TRY",
        "TRIM", "REGEXP_REPLACE",
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

    def decimal(self, number: Expr) -> Expr:
        """A double's text."""
        return self._decimal(number, call("JSON_FORMAT", exp.Cast(this=free(number), to=exp.DataType.build("JSON"))))

    def _decimal(self, number: Expr, java: Expr) -> Expr:
        """A DECIMAL has the digits of usual sizes; Java writes ``1.0E-5`` for ``1e-05``."""
        size = call("ABS", number)
        usual = exp.and_(
            exp.LT(this=size, expression=exp.Literal.number(EXACT)),
            exp.or_(
                exp.EQ(this=free(number), expression=exp.Literal.number(0)),
                exp.GTE(this=free(size), expression=exp.Literal.number("1e-4")),
                copy=False,
            ),
            copy=False,
        )
        exact = exp.TryCast(this=free(number), to=exp.DataType.build("DECIMAL(38, 20)", dialect=self.reads))
        digits = call("RTRIM", self.as_text(exact), exp.Literal.string("0"))
        plain = call("RTRIM", digits, exp.Literal.string("."))
        two_digits = call("REGEXP_REPLACE", java, exp.Literal.string("E-([0-9])$"), exp.Literal.string("E-0$1"))
        for found, put in ((".0E", "E"), ("E-", "e-"), ("E", "e+")):
            two_digits = call("REPLACE", two_digits, exp.Literal.string(found), exp.Literal.string(put))
        return case((usual, plain), default=two_digits)

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

    def leaves(self, text: Expr) -> Expr:
        """The scalars that stand in the text, each parsed; what ends with a colon is a key."""
        token, each = variable(), variable()
        tokens = call("REGEXP_EXTRACT_ALL", text, exp.Literal.string(SCALARS))
        key = exp.Like(this=token.copy(), expression=exp.Literal.string("%:"))
        values = call("FILTER", tokens, function(token, exp.not_(key, copy=False)))
        return self.json_texts(call("TRANSFORM", values, function(each, self.parsed(each))))

    def joined(self, texts: Sequence[Expr], manys: Sequence[Expr]) -> Expr:
        """One array; nulls are dropped from it."""
        each = variable()
        arrays = [self.array(*texts), *(call("COALESCE", many, self.array()) for many in manys)]
        return call("FILTER", call("CONCAT", *arrays), function(each, present(each)))

    def parsed(self, text: Expr) -> Expr:
        """JSON_PARSE, without its error."""
        return call("TRY", call("JSON_PARSE", text))

    def member(self, value: Expr, key: str) -> Expr:
        """A quoted key."""
        return call("JSON_EXTRACT", value, self._path((key,)))

    def fanned(self, value: Expr) -> Expr:
        """Replace arrays by their members as often as there are brackets in the text."""
        values, bracket, each, result = variable(), variable(), variable(), variable()
        inner = exp.TryCast(this=free(each), to=exp.DataType.build("ARRAY(JSON)", dialect="trino"))
        members = function(each, call("COALESCE", inner, self.array(each)))
        once = function((values, bracket), call("FLATTEN", call("TRANSFORM", values, members)))
        brackets = call("REGEXP_EXTRACT_ALL", call("JSON_FORMAT", value), exp.Literal.string(r"\["))
        return call("REDUCE", brackets, self.array(value), once, function(result, result))

    def each(self, values: Expr, step: Test) -> Expr:
        """Transform and flatten."""
        value = variable()
        return call("FLATTEN", call("TRANSFORM", values, function(value, step(value))))

    def without_nulls(self, values: Expr) -> Expr:
        """JSON's null is written as ``null``."""
        value = variable()
        return call("FILTER", values, function(value, self._not_null(value)))

    def json_texts(self, values: Expr) -> Expr:
        """Strings as they are, numbers in decimal, the rest as JSON text."""
        value = variable()
        return call("TRANSFORM", self.without_nulls(values), function(value, self._json_text(value)))

    def has_member(self, text: Expr, path: Path) -> Expr:
        """A path through objects."""
        return self._not_null(call("JSON_EXTRACT", self.parsed(text), self._path(path)))

    def _json_text(self, value: Expr) -> Expr:
        written = call("JSON_FORMAT", value)
        fraction = call("REGEXP_LIKE", written, exp.Literal.string(r"^-?[0-9]+[.E]"))
        number = exp.TryCast(this=free(value), to=exp.DataType.build("DOUBLE"))
        scalar = call("JSON_EXTRACT_SCALAR", value, exp.Literal.string("$"))
        return case((fraction, self._decimal(number, written)), default=call("COALESCE", scalar, written))

    def _not_null(self, value: Expr) -> Expr:
        """``JSON_FORMAT`` of JSON's null is ``null``, of NULL NULL."""
        return exp.NEQ(this=call("JSON_FORMAT", value), expression=exp.Literal.string("null"))

    def _path(self, path: Path) -> Expr:
        """Keys in quotes, where a backslash makes a quote and a backslash part of the key."""
        keys = (key.replace("\\", "\\\\").replace('"', '\\"') for key in path)
        return self.literal("$" + "".join(f'["{key}"]' for key in keys))
