"""What an engine must be able to say. One subclass per engine; nothing else knows an engine's syntax.

Everything is built as syntax trees of sqlglot, which also quotes. A *text* is an expression of the engine's text type,
a *many* an expression for several texts (an array, unless the engine has none), NULL where there are none. A condition
may be NULL, which counts as false; :meth:`Dialect.truth` makes that explicit where it is negated.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any, ClassVar, TypeAlias, cast

import sqlglot
from sqlglot import exp

from mantissa_core.detect.ir.tree import Op, Regex, Wild
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType
from mantissa_core.model.log_type import ColumnType, Path

Expr: TypeAlias = exp.Expr
Test: TypeAlias = Callable[[Expr], Expr]
"""From a text to a condition on it."""

ESCAPE = "!"
"""Makes the next character of a LIKE pattern literal. Not a backslash: engines differ on those inside literals."""

EXACT = 2**53
"""From this magnitude on a double no longer tells integers apart."""

LONGEST_PATH = 6
"""Keys of a field that is looked up in JSON text: each may stand joined to its neighbours by dots."""

NUMBER = r"^[+-]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?$"
"""Texts that spell a number, as :func:`mantissa_core.detect.ir.text.number_of` has it."""

UNSURE = r"^-?[0-9]+(\.[0-9]|[eE])|^-0"
"""Texts of numbers that could be written in another way."""

COMMON = frozenset({"AND", "OR", "CASE", "IF", "COALESCE", "NULLIF", "LOWER", "CAST", "TRY_CAST", "ARRAY", "UNNEST"})
"""Functions, as sqlglot names what it reads, that every engine may use."""

_COMPARISONS: dict[Op, type[exp.Binary]] = {
    Op.EQ: exp.EQ,
    Op.LT: exp.LT,
    Op.LTE: exp.LTE,
    Op.GT: exp.GT,
    Op.GTE: exp.GTE,
}


class Dialect(ABC):
    """An engine's way to say it."""

    name: ClassVar[str]
    """What people call the engine."""
    reads: ClassVar[str | type[sqlglot.Dialect]]
    """sqlglot's name of its dialect, or that dialect."""
    functions: ClassVar[frozenset[str]]
    """All functions that a statement may use, by the names that sqlglot gives them when it reads the statement."""
    text_type: ClassVar[str] = "VARCHAR"
    largest: ClassVar[int] = 200_000
    """Bytes of a scan of several rules."""
    rows: ClassVar[str] = ""
    """The table's alias, where its columns must be told from those of subqueries."""

    def __init__(self) -> None:
        self.closed: dict[str, str] = {}
        """Expressions that were read back already, by the name which stands for each in a statement."""
        self.memory: dict[int, tuple[LogType, dict[str, Any]]] = {}
        """What is known of log types' fields, by the log type's identity."""

    # names and values

    def literal(self, text: str) -> Expr:
        """Quote a text.

        Raises:
            RuleError: it contains NUL, which engines do not take.
        """
        if "\0" in text:
            raise RuleError("a NUL character cannot be written in SQL")
        return exp.Literal.string(text)

    def instant(self, moment: datetime) -> Expr:
        """A point in time, comparable with a timestamp column."""
        text = moment.astimezone(UTC).isoformat(" ", "microseconds")
        return exp.Cast(this=self.literal(text), to=exp.DataType.build("TIMESTAMPTZ"))

    def column_text(self, column: Expr, kind: ColumnType) -> Expr:
        """The text of a column's value, as :func:`mantissa_core.detect.ir.text.text_of` makes it."""
        if kind in {"string", "json"}:
            return column
        if kind == "timestamp":
            return self._trimmed(self.micros(column))
        if kind == "double":
            return self.decimal(column)
        if kind == "binary":
            return call("TO_BASE64", column)
        return self.as_text(column)

    def stored(self, column: Expr, kind: ColumnType) -> Expr:
        """The column has a value."""
        return present(column)

    def as_text(self, value: Expr) -> Expr:
        """Any scalar as the engine writes it."""
        return exp.TryCast(this=free(value), to=exp.DataType.build(self.text_type, dialect=self.reads))

    @abstractmethod
    def micros(self, column: Expr) -> Expr:
        """A timestamp in UTC as ``2026-01-02T03:04:05.000000``."""

    def decimal(self, number: Expr) -> Expr:
        """A double's text: without a fraction where it has none."""
        whole = exp.and_(
            exp.LT(this=call("ABS", number), expression=exp.Literal.number(EXACT)),
            exp.EQ(this=free(number), expression=call("FLOOR", number)),
            copy=False,
        )
        integer = exp.TryCast(this=free(number), to=exp.DataType.build("BIGINT"))
        return case((whole, self.as_text(integer)), default=self.as_text(number))

    def part(self, text: Expr, start: int, length: int) -> Expr:
        """Some characters of a text, counted from 1."""
        return call("SUBSTR", text, exp.Literal.number(start), exp.Literal.number(length))

    def _trimmed(self, micros: Expr) -> Expr:
        """``….000000`` without the digits that are not needed, and with ``Z``."""

        def ends(start: int, zeros: str) -> Expr:
            return exp.EQ(this=self.part(micros, start, len(zeros)), expression=exp.Literal.string(zeros))

        seconds = (ends(21, "000000"), self.part(micros, 1, 19))
        millis = (ends(24, "000"), self.part(micros, 1, 23))
        text = call("CONCAT", case(seconds, millis, default=micros), exp.Literal.string("Z"))
        return case((present(micros), text))  # CONCAT of NULL is not NULL in every engine

    # conditions on one text

    def truth(self, condition: Expr) -> Expr:
        """The condition, false where it is NULL."""
        return call("COALESCE", condition, exp.false())

    def never(self) -> Expr:
        """False."""
        return exp.false()

    def decided(self, drifted: Expr, exact: Expr, usual: Expr) -> Expr:
        """``exact`` where the row has drifted, else ``usual``; engines work out one of them for a row."""
        return case((drifted, exact), default=usual)

    def flag(self, condition: Expr) -> Expr:
        """A condition as a column's value."""
        return cast(Expr, free(condition.unnest()))

    def flagged(self, column: Expr) -> Expr:
        """The condition that :meth:`flag` made a value of."""
        return column

    def column(self, name: str) -> Expr:
        """A column of the table."""
        return exp.column(name, table=self.rows or None, quoted=True)

    def folded(self, text: Expr) -> Expr:
        """The text in the engine's lower case."""
        return call("LOWER", text)

    def folded_literal(self, text: str) -> Expr:
        """The same of a text that is known: beyond ASCII engines differ, and this one must do it itself."""
        return self.literal(text.lower()) if text.isascii() else self.folded(self.literal(text))

    def matches(self, op: Op, text: Expr, values: Sequence[str], cased: bool) -> Expr:
        """``EQ``, ``CONTAINS``, ``STARTSWITH`` or ``ENDSWITH`` any of ``values``."""
        subject = text if cased else self.folded(text)
        others = [self.literal(value) if cased else self.folded_literal(value) for value in values]
        if op is Op.EQ and len(others) > 1:
            return exp.In(this=free(subject), expressions=others)
        return either(self.related(op, subject, other) for other in others)

    def relates(self, op: Op, text: Expr, other: Expr) -> Expr:
        """The relation of two texts without regard to case."""
        return self.related(op, self.folded(text), self.folded(other))

    def related(self, op: Op, text: Expr, other: Expr) -> Expr:
        """The relation of two texts as they are."""
        match op:
            case Op.CONTAINS:
                return exp.GT(this=call("STRPOS", text, other), expression=exp.Literal.number(0))
            case Op.STARTSWITH:
                return call("STARTS_WITH", text, other)
            case Op.ENDSWITH:
                return call("ENDS_WITH", text, other)
        return exp.EQ(this=free(text), expression=free(other))

    def fits(self, text: Expr, parts: Sequence[str | Wild], cased: bool) -> Expr:
        """The whole text fits the wildcard pattern."""
        pattern = self.pattern(parts)
        if cased:
            return self.like(text, self.literal(pattern))
        return self.like(self.folded(text), self.folded_literal(pattern))

    def pattern(self, parts: Sequence[str | Wild]) -> str:
        """The pattern as LIKE has it."""
        wilds = {Wild.MANY: "%", Wild.ONE: "_"}
        return "".join(wilds[part] if isinstance(part, Wild) else self.escaped(part) for part in parts)

    def escaped(self, text: str) -> str:
        """A literal part of a LIKE pattern."""
        return "".join(ESCAPE + character if character in f"%_{ESCAPE}" else character for character in text)

    def like(self, text: Expr, pattern: Expr) -> Expr:
        """LIKE with our escape character."""
        return exp.Escape(
            this=exp.Like(this=free(text), expression=free(pattern)), expression=exp.Literal.string(ESCAPE)
        )

    @abstractmethod
    def searches(self, text: Expr, expression: Regex) -> Expr:
        """The regular expression occurs in the text in its original case."""

    @abstractmethod
    def inside(self, text: Expr, network: str) -> Expr:
        """The text is an address in the network."""

    def compares(self, op: Op, text: Expr, number: float) -> Expr:
        """The text spells a number that stands in this relation to ``number``."""
        if abs(number) >= EXACT:
            raise RuleError(f"the number {number:g} is too large to be compared exactly")
        spelled = exp.TryCast(this=free(text), to=exp.DataType.build("DOUBLE"))
        bound = exp.Cast(this=exp.Literal.string(repr(number)), to=exp.DataType.build("DOUBLE"))
        return every([self.spells_number(text), _COMPARISONS[op](this=spelled, expression=bound)])

    def spells_number(self, text: Expr) -> Expr:
        """The text is a number in decimal notation."""
        return self.searches(text, Regex(NUMBER))

    def unsure(self, text: Expr) -> Expr:
        """The text is a number that JSON text may spell in another way; more texts may count."""
        return self.searches(text, Regex(UNSURE))

    # several texts

    @abstractmethod
    def any_of(self, many: Expr, test: Test) -> Expr:
        """Some text passes."""

    @abstractmethod
    def has(self, many: Expr) -> Expr:
        """There is a text."""

    def first_of(self, alternatives: Sequence[Expr]) -> Expr:
        """The first of several that has a text."""
        if len(alternatives) == 1:
            return alternatives[0]
        return call("COALESCE", *(call("NULLIF", each, self.array()) for each in alternatives))

    def listed(self, column: Expr) -> Expr:
        """A column of the type ``list<string>``."""
        return column

    def single(self, text: Expr) -> Expr:
        """One text, which is not NULL, as several."""
        return self.array(text)

    def array(self, *items: Expr) -> Expr:
        """An array of these."""
        return exp.Array(expressions=[free(item) for item in items])

    # JSON text

    @abstractmethod
    def lookup(self, text: Expr, path: Path, *, of_object: bool = False) -> Expr:
        """The texts at ``path`` in JSON text: objects walked, arrays fanned out, dotted keys as a fallback.

        ``of_object`` says that the text is known to be an object's.

        Raises:
            RuleError: the path is too long.
        """

    @abstractmethod
    def has_member(self, text: Expr, path: Path) -> Expr:
        """JSON text has a value other than null at ``path``, through objects alone."""

    def leaves(self, text: Expr) -> Expr:
        """The texts of all scalars in JSON text.

        Raises:
            RuleError: the engine cannot enumerate them.
        """
        raise RuleError(f"keywords search every scalar inside JSON text, which {self.name} cannot enumerate")

    def joined(self, texts: Sequence[Expr], manys: Sequence[Expr]) -> Expr:
        """All these texts together."""
        raise RuleError(f"keywords search every scalar inside JSON text, which {self.name} cannot enumerate")

    # rows

    def tags(self, conditions: Sequence[tuple[Expr, str]]) -> exp.Join:
        """Join each row with the labels of the conditions that hold, and nulls, as ``t.rule_id``."""
        labels = self.array(*(case((condition, self.literal(label))) for condition, label in conditions))
        alias = exp.TableAlias(this=exp.to_identifier("t"), columns=[exp.to_identifier("rule_id")])
        return exp.Join(this=exp.Unnest(expressions=[labels], alias=alias), kind="CROSS")

    def tag(self) -> Expr:
        """The label that :meth:`tags` joined."""
        return exp.column("rule_id", table="t")


class _Names(threading.local):
    """Where each thread is with naming variables."""

    numbers = count(1)


_NAMES = _Names()


@contextmanager
def fresh_names() -> Iterator[None]:
    """Number variables from 1: the same rule shall have the same text each time. What is made inside is not nested."""
    outer, _NAMES.numbers = _NAMES.numbers, count(1)
    try:
        yield
    finally:
        _NAMES.numbers = outer


def variable() -> exp.Column:
    """A name for a lambda's parameter or a subquery's column that nothing else in the statement has.

    No column of a log type begins with ``m_``.
    """
    return exp.column(f"m_v{next(_NAMES.numbers)}")


def refuse_long(path: Path) -> None:
    """``RuleError`` for a path with too many keys to be looked up in JSON text."""
    if len(path) > LONGEST_PATH:
        raise RuleError(f"the field {'.'.join(path)} has more than {LONGEST_PATH} keys to be looked up in JSON text")


def free(value: Any) -> Any:
    """The expression itself, or a copy where it already stands somewhere."""
    return value.copy() if value.parent is not None else value


def call(name: str, *arguments: Expr) -> Expr:
    """A function call, written as it is given."""
    return exp.Anonymous(this=name, expressions=[free(argument) for argument in arguments])


def case(*branches: tuple[Expr, Expr], default: Expr | None = None) -> Expr:
    """CASE WHEN … THEN … ELSE … END."""
    ifs = [exp.If(this=free(condition), true=free(value)) for condition, value in branches]
    return exp.Case(ifs=ifs, default=None if default is None else free(default))


def either(conditions: Any) -> Expr:
    """Any of the conditions."""
    found = [free(each) for each in conditions]
    return found[0] if len(found) == 1 else exp.paren(exp.or_(*found, copy=False), copy=False)


def every(conditions: Any) -> Expr:
    """All of the conditions."""
    found = [free(each) for each in conditions]
    return found[0] if len(found) == 1 else exp.paren(exp.and_(*found, copy=False), copy=False)


def absent(value: Expr) -> Expr:
    """IS NULL."""
    return exp.Is(this=free(value), expression=exp.null())


def present(value: Expr) -> Expr:
    """IS NOT NULL."""
    return exp.not_(absent(value), copy=False)


def function(variables: exp.Column | Sequence[exp.Column], body: Expr) -> Expr:
    """A lambda."""
    parameters = [variables] if isinstance(variables, exp.Column) else variables
    return exp.Lambda(this=free(body), expressions=[each.this.copy() for each in parameters])
