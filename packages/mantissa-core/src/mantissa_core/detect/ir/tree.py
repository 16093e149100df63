"""What a rule's detection means, as data: a boolean tree over predicates on fields.

Every value in an event has one text (:func:`mantissa_core.detect.ir.text.text_of`), and every operator but
``NULL`` and ``EXISTS`` is a function of that text. A field may have several values (arrays fan out) and a
predicate holds where any of them passes; a field without values passes ``NULL`` alone. ``Not`` is two-valued.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TypeAlias


class Op(StrEnum):
    """What a predicate asks of a value."""

    EQ = "eq"
    CONTAINS = "contains"
    STARTSWITH = "startswith"
    ENDSWITH = "endswith"
    WILDCARD = "wildcard"
    REGEX = "regex"
    CIDR = "cidr"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    TIME = "time"
    FIELD = "field"
    NULL = "null"
    EXISTS = "exists"


class Wild(Enum):
    """A wildcard: any number of characters, or exactly one. Both match line breaks."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern that the whole text must fit: literal parts between wildcards."""

    parts: tuple[str | Wild, ...]

    def __str__(self) -> str:
        return "".join(part.value if isinstance(part, Wild) else part for part in self.parts)


@dataclass(frozen=True, slots=True)
class Regex:
    """An RE2 expression, searched anywhere in the text in its original case. ``flags`` is a subset of ``ims``."""

    pattern: str
    flags: str = ""

    def __str__(self) -> str:
        return f"(?{self.flags}){self.pattern}" if self.flags else self.pattern


class TimeUnit(StrEnum):
    """A part of a point in time, as Sigma's modifiers name them. Weeks are ISO 8601's."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class TimePart:
    """The number that a part of a point in time has, in UTC: ``hour`` 22, ``month`` 12."""

    unit: TimeUnit
    number: int

    def __str__(self) -> str:
        return f"{self.unit} {self.number}"


@dataclass(frozen=True, slots=True)
class FieldRef:
    """Another field of the same event; ``op`` is how the first one's text must relate to it."""

    field: str
    op: Op = Op.EQ

    def __str__(self) -> str:
        return f"{{{self.field}}}"


Operand: TypeAlias = str | int | float | Glob | Regex | TimePart | FieldRef
"""``EQ`` takes texts and numbers, the substring operators and ``CIDR`` texts, comparisons numbers, ``TIME`` parts."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """Some value of ``field`` stands in the relation ``op`` to any of ``values``.

    ``field`` is the name as the rule writes it; ``None`` is a keyword: any scalar anywhere in the event.
    Texts are compared without regard to case unless ``cased``; ``REGEX`` always sees the original case.
    """

    field: str | None
    op: Op
    values: tuple[Operand, ...] = ()
    cased: bool = False

    def __str__(self) -> str:
        operator = f"{self.op}, cased" if self.cased else str(self.op)
        return f"{self.field or 'any text'} {operator} {' | '.join(map(str, self.values))}".rstrip()


@dataclass(frozen=True, slots=True)
class And:
    """All of ``children`` hold."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of ``children`` holds."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """``child`` does not hold: true also where its fields are absent."""

    child: Node


Node: TypeAlias = And | Or | Not | Predicate
