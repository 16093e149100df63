"""T-SQL, as Synapse's serverless SQL pools have it. Read back by a parser; not run here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations, pairwise
from typing import ClassVar

from sqlglot import exp

from mantissa_core.detect.ir.tree import Op, Regex, Wild
from mantissa_core.errors import RuleError
from mantissa_core.model.log_type import ColumnType, Path

from .addresses import ipv4, octets
from .dialect import (
    COMMON,
    ESCAPE,
    Dialect,
    Expr,
    Test,
    call,
    case,
    either,
    every,
    free,
    present,
    refuse_long,
    variable,
)

COLLATION = "Latin1_General_100_BIN2_UTF8"
"""Compares code points, whatever the database's own collation does with case and accents."""


class Synapse(Dialect):
    """T-SQL has neither booleans nor arrays nor regular expressions: several texts are a JSON array's text."""

    name: ClassVar[str] = "Synapse"
    reads: ClassVar[str] = "tsql"
    text_type: ClassVar[str] = "NVARCHAR(4000)"
    rows: ClassVar[str] = "r"
    functions: ClassVar[frozenset[str]] = COMMON | {
        "COLLATE", "ABS", "FLOOR", "SUBSTRING", "LEFT", "CONCAT", "CONVERT", "STR_POSITION", "PARSENAME", "EXISTS",
        "OPEN_J_S_O_N", "JSON_EXTRACT", "JSON_EXTRACT_SCALAR", "STRING_ESCAPE", "ISJSON",
    }  # fmt: skip

    def literal(self, text: str) -> Expr:
        """A Unicode literal."""
        return exp.National(this=str(super().literal(text).this))

    def instant(self, moment: datetime) -> Expr:
        """Lake tables have ``datetime2`` in UTC."""
        text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build("DATETIME2(6)", dialect="tsql"))

    def column_text(self, column: Expr, kind: ColumnType) -> Expr:
        """There is no function for base64, and a bit is 0 or 1."""
        if kind == "binary":
            raise RuleError("binary columns have no text in Synapse")
        if kind == "bool":
            return case(
                *((_equals(column, number), self.literal(word)) for number, word in ((1, "true"), (0, "false")))
            )
        return super().column_text(column, kind)

    def micros(self, column: Expr) -> Expr:
        """Style 126 is ISO 8601."""
        moment = exp.Cast(this=free(column), to=exp.DataType.build("DATETIME2(6)", dialect="tsql"))
        text = exp.DataType.build("NVARCHAR(26)", dialect="tsql")
        return exp.Convert(this=text, expression=moment, style=exp.Literal.number(126))

    def part(self, text: Expr, start: int, length: int) -> Expr:
        """SUBSTRING, by its long name."""
        return call("SUBSTRING", text, exp.Literal.number(start), exp.Literal.number(length))

    def truth(self, condition: Expr) -> Expr:
        """A condition is no value; CASE makes it one."""
        return self.flagged(self.flag(condition))

    def never(self) -> Expr:
        """False."""
        return exp.EQ(this=exp.Literal.number(1), expression=exp.Literal.number(0))

    def decided(self, drifted: Expr, exact: Expr, usual: Expr) -> Expr:
        """CASE over CASE, since a condition is no value."""
        return self.flagged(super().decided(drifted, self.flag(exact), self.flag(usual)))

    def flag(self, condition: Expr) -> Expr:
        """1 or 0."""
        return case((condition, exp.Literal.number(1)), default=exp.Literal.number(0))

    def flagged(self, column: Expr) -> Expr:
        """Is 1."""
        return _equals(column, 1)

    def matches(self, op: Op, text: Expr, values: Sequence[str], cased: bool) -> Expr:
        """LIKE throughout: ``=`` ignores blanks at the end."""
        many = Wild.MANY
        around: dict[Op, tuple[tuple[Wild, ...], tuple[Wild, ...]]] = {
            Op.CONTAINS: ((many,), (many,)),
            Op.STARTSWITH: ((), (many,)),
            Op.ENDSWITH: ((many,), ()),
        }
        before, behind = around.get(op, ((), ()))
        return either(self.fits(text, (*before, value, *behind), cased) for value in values)

    def relates(self, op: Op, text: Expr, other: Expr) -> Expr:
        """A bar behind both keeps blanks at the end."""
        if op is not Op.EQ:
            raise RuleError("a part of a text cannot be compared with another field in Synapse")
        bar = self.literal("|")
        left, right = (exp.paren(exp.Add(this=self.folded(each), expression=bar.copy())) for each in (text, other))
        return exp.EQ(this=_binary(left), expression=_binary(right))

    def like(self, text: Expr, pattern: Expr) -> Expr:
        """LIKE by code points."""
        return super().like(_binary(text), _binary(pattern))

    def escaped(self, text: str) -> str:
        """A bracket begins a set of characters."""
        return "".join(ESCAPE + character if character in f"%_[{ESCAPE}" else character for character in text)

    def searches(self, text: Expr, expression: Regex) -> Expr:
        """There are none."""
        raise RuleError("Synapse has no regular expressions")

    def inside(self, text: Expr, network: str) -> Expr:
        """PARSENAME takes exactly four parts; each is compared as a number that is written plainly."""
        bounds = octets(ipv4(network, self.name))
        conditions = [self._plain(text, "%[^0-9.]%", negated=True)]
        for place, (low, high) in zip((4, 3, 2, 1), bounds, strict=True):
            part = call("PARSENAME", text, exp.Literal.number(place))
            number = exp.TryCast(this=part, to=exp.DataType.build("INT"))
            conditions.append(exp.Between(this=number, low=exp.Literal.number(low), high=exp.Literal.number(high)))
            written = exp.Cast(this=number.copy(), to=exp.DataType.build("NVARCHAR(3)", dialect="tsql"))
            conditions.append(exp.EQ(this=part.copy(), expression=written))
        return every(conditions)

    def spells_number(self, text: Expr) -> Expr:
        """LIKE's sets exclude what TRY_CAST would take besides."""
        return every(
            [
                self._plain(text, "[-+0-9]%"),
                self._plain(text, "%[0-9]"),
                self._plain(text, "%[^-+0-9.eE]%", negated=True),
                self._plain(text, "[-+][^0-9]%", negated=True),
                self._plain(text, "%.[^0-9]%", negated=True),
            ]
        )

    def unsure(self, text: Expr) -> Expr:
        """Any text that begins like a number."""
        return self._plain(text, "[-0-9]%")

    def any_of(self, many: Expr, test: Test) -> Expr:
        """EXISTS over OPENJSON, whose type 0 is null."""
        alias = variable().name
        value = exp.column("value", table=alias, quoted=True)
        kind = exp.column("type", table=alias, quoted=True)
        return self._exists(many, alias, [exp.NEQ(this=kind, expression=exp.Literal.number(0)), test(value)])

    def has(self, many: Expr) -> Expr:
        """EXISTS over OPENJSON."""
        alias = variable().name
        kind = exp.column("type", table=alias, quoted=True)
        return self._exists(many, alias, [exp.NEQ(this=kind, expression=exp.Literal.number(0))])

    def first_of(self, alternatives: Sequence[Expr]) -> Expr:
        """Each is NULL where it has none."""
        return alternatives[0] if len(alternatives) == 1 else call("COALESCE", *alternatives)

    def single(self, text: Expr) -> Expr:
        """A JSON array of one string."""
        escaped = call("STRING_ESCAPE", text, self.literal("json"))
        return call("CONCAT", self.literal('["'), escaped, self.literal('"]'))

    def lookup(self, text: Expr, path: Path, *, of_object: bool = False) -> Expr:
        """Objects are walked, an array is taken at the end of the path only, as it is."""
        refuse_long(path)
        if not path:
            return self._listed(text)
        found = [part for keys in _joined(path) for part in self._at(text, self._path(keys))]
        return case((_equals(call("ISJSON", text), 1), call("COALESCE", *found)))

    def has_member(self, text: Expr, path: Path) -> Expr:
        """A scalar, or an object or array."""
        place = self._path(path)
        return either([present(call("JSON_VALUE", text, place)), present(call("JSON_QUERY", text, place))])

    def tags(self, conditions: Sequence[tuple[Expr, str]]) -> exp.Join:
        """CROSS APPLY of rows with one label each."""
        rows = [exp.Tuple(expressions=[case((condition, self.literal(label)))]) for condition, label in conditions]
        alias = exp.TableAlias(this=exp.to_identifier("t"), columns=[exp.to_identifier("rule_id")])
        return exp.Join(this=exp.Lateral(this=exp.Values(expressions=rows), cross_apply=True, alias=alias))

    def _at(self, text: Expr, place: Expr) -> list[Expr]:
        """A scalar, an array, an object at this path, each as the text of a JSON array."""
        scalar, nested = call("JSON_VALUE", text, place), call("JSON_QUERY", text, place)
        return [case((present(scalar), self.single(scalar))), self._listed(nested)]

    def _listed(self, text: Expr) -> Expr:
        """JSON text as that of an array: the value itself if it is one, else an array of it."""
        wrapped = call("CONCAT", self.literal("["), text, self.literal("]"))
        return case((self._plain(text, "[[]%"), text), (present(text), wrapped))

    def _plain(self, text: Expr, pattern: str, negated: bool = False) -> Expr:
        found = exp.Like(this=_binary(text), expression=self.literal(pattern))
        return exp.not_(found, copy=False) if negated else found

    def _exists(self, many: Expr, alias: str, conditions: Sequence[Expr]) -> Expr:
        rows = exp.OpenJSON(this=free(many))
        table = exp.Alias(this=rows, alias=exp.to_identifier(alias))
        return exp.Exists(
            this=exp.select(exp.Literal.number(1)).from_(table, copy=False).where(every(conditions), copy=False)
        )

    def _path(self, keys: Path) -> Expr:
        return self.literal("$" + "".join(f".{json.dumps(key, ensure_ascii=False)}" for key in keys))


def _joined(path: Path) -> list[Path]:
    """The path, and each way to join neighbours by dots; fewer joins and later ones first."""
    ways = []
    for joins in range(len(path)):
        for places in combinations(range(1, len(path)), len(path) - 1 - joins):
            bounds = (0, *places, len(path))
            ways.append(tuple(".".join(path[a:b]) for a, b in pairwise(bounds)))
    return ways


def _binary(text: Expr) -> Expr:
    return exp.Collate(this=free(text), expression=exp.Var(this=COLLATION))


def _equals(column: Expr, number: int) -> Expr:
    return exp.EQ(this=free(column), expression=exp.Literal.number(number))
