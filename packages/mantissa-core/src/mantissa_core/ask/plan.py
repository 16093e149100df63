"""What a question means, as data: the one form between words and SQL.

The offline parser and a language model both end here, follow-ups edit it, and everything behind it (SQL, the
explanation, a rule) is made of it. It is frozen, and as JSON it is validated: a model's answer is a plan or an error.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Scalar = str | int | float | bool
Op = Literal[
    "eq", "ne", "in", "not_in", "lt", "le", "gt", "ge", "contains", "starts", "ends", "cidr", "is_null", "not_null"
]
Function = Literal["count", "count_distinct", "sum", "avg", "min", "max"]
Bucket = Literal["minute", "hour", "day", "week", "month"]
MOST_ROWS = 10_000


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Compare(_Model):
    """A column and what it must be. Texts are compared without regard to case."""

    kind: Literal["compare"] = "compare"
    field: str
    op: Op = "eq"
    value: Scalar | tuple[Scalar, ...] | None = None
    """Several for ``in`` and ``not_in``, none for ``is_null`` and ``not_null``, else one."""

    @model_validator(mode="after")
    def _fits(self) -> Compare:
        wanted = "none" if self.op.endswith("null") else "several" if self.op in ("in", "not_in") else "one"
        given = "none" if self.value is None else "several" if isinstance(self.value, tuple) else "one"
        if wanted != given:
            raise ValueError(f"{self.op} takes {wanted} value{'' if wanted == 'one' else 's'}, found {given}")
        return self


class All(_Model):
    """Every one of these holds."""

    kind: Literal["all"] = "all"
    of: Annotated[tuple[Filter, ...], Field(min_length=1, max_length=50)]


class Any(_Model):
    """One of these holds."""

    kind: Literal["any"] = "any"
    of: Annotated[tuple[Filter, ...], Field(min_length=1, max_length=50)]


class Not(_Model):
    """It does not hold. What a row does not say is not what was asked for either: nulls are left out."""

    kind: Literal["not"] = "not"
    of: Filter


Filter = Annotated[Compare | All | Any | Not, Field(discriminator="kind")]


class Period(_Model):
    """``lo <= m_time < hi``, with what the question called it."""

    lo: datetime
    hi: datetime
    text: str = ""
    assumed: bool = False
    zone: str = "UTC"

    @model_validator(mode="after")
    def _ordered(self) -> Period:
        if self.lo.tzinfo is None or self.hi.tzinfo is None or self.lo >= self.hi:
            raise ValueError("two moments with their zone, the earlier first")
        return self


class Measure(_Model):
    """A figure for each group, or for all rows."""

    function: Function = "count"
    field: str | None = None
    """What is counted or summed; ``count`` without it counts rows."""

    @model_validator(mode="after")
    def _about_something(self) -> Measure:
        if self.function != "count" and self.field is None:
            raise ValueError(f"{self.function} needs a field")
        return self

    @property
    def name(self) -> str:
        """The column of the result."""
        return "events" if self.function == "count" else f"{self.function}_{self.field}"


class Group(_Model):
    """Rows with the same value, or in the same stretch of time where ``bucket`` is given."""

    field: str = "m_time"
    bucket: Bucket | None = None

    @property
    def name(self) -> str:
        """The column of the result."""
        return self.bucket or self.field


class Baseline(_Model):
    """Only what is new: rows whose ``field`` was not seen with the same ``per`` in the days before the period."""

    field: str
    per: str | None = "m_user"
    days: Annotated[int, Field(ge=1, le=400)] = 30


class Order(_Model):
    """By a column of the result."""

    by: str
    descending: bool = True


class Plan(_Model):
    """A question about one table or view.

    Without measures and groups it lists rows. ``versus`` is a second period of the same question: its measures stand
    beside those of the first.
    """

    source: str
    """Name of a table or of a view over several."""
    filters: tuple[Filter, ...] = Field((), max_length=50)
    """All of them hold."""
    period: Period
    versus: Period | None = None
    baseline: Baseline | None = None
    select: tuple[str, ...] = Field((), max_length=50)
    """Columns of a list; those that tell most where it is empty."""
    groups: tuple[Group, ...] = Field((), max_length=5)
    measures: tuple[Measure, ...] = Field((), max_length=10)
    having: tuple[Compare, ...] = Field((), max_length=10)
    """About measures, by the names of their columns."""
    order: tuple[Order, ...] = Field((), max_length=5)
    limit: int = Field(1_000, ge=1, le=MOST_ROWS)
    assumptions: tuple[str, ...] = ()
    """What the question left open and how it was decided, for people."""

    @model_validator(mode="after")
    def _consistent(self) -> Plan:
        results = {*(each.name for each in self.groups), *(each.name for each in self.measures)}
        if self.groups and not self.measures:
            raise ValueError("groups need a measure, such as count")
        if unknown := [each.field for each in self.having if each.field not in results]:
            raise ValueError(f"having: no column {unknown[0]!r} in the result")
        if self.measures and (unknown := [each.by for each in self.order if each.by not in results]):
            raise ValueError(f"order: no column {unknown[0]!r} in the result")
        if self.versus and not self.measures:
            raise ValueError("versus compares measures: a list has none")
        return self


All.model_rebuild()
Any.model_rebuild()
Not.model_rebuild()
