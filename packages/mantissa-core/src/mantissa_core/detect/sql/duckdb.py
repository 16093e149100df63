"""DuckDB, as of version 1.4: run by the tests against the reference evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from sqlglot import exp

from mantissa_core.detect.ir.tree import Regex
from mantissa_core.model.log_type import Path

from .addresses import ipv4, ipv4_pattern
from .arrays import ArrayDialect
from .dialect import COMMON, Expr, Test, call, case, every, free, function, present, variable

_INTEGER = r"^-?[0-9]+$"


class DuckDB(ArrayDialect):
    """DuckDB's SQL. Its regular expressions are RE2, as those of rules are."""

    name: ClassVar[str] = "DuckDB"
    reads: ClassVar[str] = "duckdb"
    functions: ClassVar[frozenset[str]] = COMMON | {
        "CONTAINS", "STARTS_WITH", "ENDS_WITH", "REGEXP_LIKE", "STRPOS", "STR_POSITION", "ABS", "FLOOR", "SUBSTRING",
        "CONCAT", "TIME_TO_STR", "UNIX_TO_TIME", "EPOCH_US", "TO_BASE64", "ARRAY_SIZE", "LENGTH", "FILTER", "TRANSFORM",
        "FLATTEN", "REGEXP_EXTRACT_ALL", "LIST_REDUCE", "ARRAY_CONCAT", "LIST_CONCAT", "JSON_EXTRACT",
        "JSON_EXTRACT_SCALAR", "JSON_TYPE",
    }  # fmt: skip

    def micros(self, column: Expr) -> Expr:
        """A timestamp's text; by way of the epoch, which no session's time zone shifts."""
        moment = call("MAKE_TIMESTAMP", call("EPOCH_US", column))
        return call("STRFTIME", moment, exp.Literal.string("%Y-%m-%dT%H:%M:%S.%f"))

    def searches(self, text: Expr, expression: Regex) -> Expr:
        """REGEXP_MATCHES searches anywhere; flags stand in the pattern."""
        return call("REGEXP_MATCHES", text, self.literal(str(expression)))

    def inside(self, text: Expr, network: str) -> Expr:
        """A regular expression for IPv4."""
        return self.searches(text, Regex(ipv4_pattern(ipv4(network, self.name))))

    def any_of(self, many: Expr, test: Test) -> Expr:
        """Filter and count."""
        each = variable()
        passing = call("LIST_FILTER", many, function(each, test(each)))
        return self.has(passing)

    def has(self, many: Expr) -> Expr:
        """The list's length."""
        return exp.GT(this=call("LEN", many), expression=exp.Literal.number(0))

    def joined(self, texts: Sequence[Expr], manys: Sequence[Expr]) -> Expr:
        """One list; nulls are dropped from it."""
        everything = self.array(*texts)
        for many in manys:
            everything = call("LIST_CONCAT", everything, many)
        each = variable()
        return call("LIST_FILTER", everything, function(each, present(each)))

    def parsed(self, text: Expr) -> Expr:
        """Cast text to JSON."""
        return exp.TryCast(this=free(text), to=exp.DataType.build("JSON"))

    def member(self, value: Expr, key: str) -> Expr:
        """A JSON pointer, which takes any key."""
        return call("JSON_EXTRACT", value, self.literal(_pointer((key,))))

    def fanned(self, value: Expr) -> Expr:
        """Replace arrays by their members as often as there are brackets in the JSON text."""
        values, bracket, each = variable(), variable(), variable()
        is_array = exp.EQ(this=call("JSON_TYPE", each), expression=exp.Literal.string("ARRAY"))
        inner = call("JSON_EXTRACT", each, exp.Literal.string("$[*]"))
        members = function(each, case((is_array, inner), default=self.array(each)))
        once = call("FLATTEN", call("LIST_TRANSFORM", values, members))
        brackets = call("REGEXP_EXTRACT_ALL", self.as_text(value), exp.Literal.string(r"\["))
        return call("LIST_REDUCE", brackets, function((values, bracket), once), self.array(value))

    def each(self, values: Expr, step: Test) -> Expr:
        """Transform and flatten."""
        value = variable()
        return call("FLATTEN", call("LIST_TRANSFORM", values, function(value, step(value))))

    def without_nulls(self, values: Expr) -> Expr:
        """JSON's null is of the type NULL."""
        value = variable()
        return call("LIST_FILTER", values, function(value, _not_null(value)))

    def json_texts(self, values: Expr) -> Expr:
        """Strings as they are, numbers in decimal, the rest as JSON text."""
        value = variable()
        return call("LIST_TRANSFORM", self.without_nulls(values), function(value, self._json_text(value)))

    def has_member(self, text: Expr, path: Path) -> Expr:
        """The type at a JSON pointer."""
        return _not_null(call("JSON_EXTRACT", self.parsed(text), self.literal(_pointer(path))))

    def leaves(self, text: Expr) -> Expr:
        """All descendants but objects, arrays and nulls."""
        value = variable()
        kinds = [exp.Literal.string(kind) for kind in ("OBJECT", "ARRAY", "NULL")]
        scalar = exp.not_(exp.In(this=call("JSON_TYPE", value), expressions=kinds), copy=False)
        root = self.parsed(text)
        everything = call("LIST_CONCAT", self.array(root), call("JSON_EXTRACT", root, exp.Literal.string("$..*")))
        return self.json_texts(call("LIST_FILTER", everything, function(value, scalar)))

    def _json_text(self, value: Expr) -> Expr:
        text = call("JSON_EXTRACT_STRING", value, exp.Literal.string("$"))
        fraction = exp.EQ(this=call("JSON_TYPE", value), expression=exp.Literal.string("DOUBLE"))
        integer = self.searches(text, Regex(_INTEGER))  # beyond 64 bits JSON's type is DOUBLE, too
        number = exp.TryCast(this=free(value), to=exp.DataType.build("DOUBLE"))
        return case((every([fraction, exp.not_(integer, copy=False)]), self.decimal(number)), default=text)


def _not_null(value: Expr) -> Expr:
    return exp.NEQ(this=call("JSON_TYPE", value), expression=exp.Literal.string("NULL"))


def _pointer(path: Path) -> str:
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)
