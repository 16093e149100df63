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
Function = Literal["count", "count_distinct", "sum", "avg", "min", "max", "quantile", "ratio"]
Bucket = Literal["minute", "hour", "day", "week", "month"]
MOST_ROWS = 10_000
DAY = 86_400
"""Seconds."""
ADDRESS, COUNTRY = "m_src_ip", "m_src_country"
"""A source address, and its country, which no table has: see :mod:`.located`."""
FIRST_TIME, THEN_TIME, PAIRS, LAST_BEFORE = "first_time", "then_time", "pairs", "last_before"
"""Columns of the results of sequences, and of who was silent."""


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
    q: float | None = Field(None, gt=0, lt=1)
    """Which quantile: 0.95 is the 95th percentile, 0.5 the median."""
    where: Filter | None = None
    """Only over the rows that meet this; of a ratio the rows above the line."""
    against: Filter | None = None
    """Of a ratio the rows below the line; all rows where it is empty, so that it is a share between 0 and 1."""
    label: str = Field("", pattern=r"^([A-Za-z]\w{0,59})?$")
    """The column of the result, where its usual name would not tell enough."""

    @model_validator(mode="after")
    def _about_something(self) -> Measure:
        if self.function not in ("count", "ratio") and self.field is None:
            raise ValueError(f"{self.function} needs a field")
        if (self.q is None) == (self.function == "quantile"):
            raise ValueError("quantile takes a q, and nothing else does")
        if self.function == "ratio" and (self.where is None or self.field is not None):
            raise ValueError("a ratio is of rows: it needs where, and no field")
        if self.against is not None and self.function != "ratio":
            raise ValueError("only a ratio is against something")
        return self

    @property
    def name(self) -> str:
        """The column of the result."""
        if self.label:
            return self.label
        match self.function:
            case "count":
                return "events"
            case "ratio":
                return "ratio" if self.against else "share"
            case "quantile":
                percent = f"{100 * (self.q or 0):.6g}".replace(".", "_")
                return f"median_{self.field}" if self.q == 0.5 else f"p{percent}_{self.field}"
        return f"{self.function}_{self.field}"


class Group(_Model):
    """Rows with the same value, or in the same stretch of time where ``bucket`` is given."""

    field: str = "m_time"
    bucket: Bucket | None = None

    @property
    def name(self) -> str:
        """The column of the result."""
        return self.bucket or self.field


class Baseline(_Model):
    """What was before decides. In all of it only the rows that meet the plan's filters count, but for ``new_value``.

    ``new_value``: rows whose ``field`` was not seen with the same ``per`` in the ``days`` before the period.
    ``dormant``: values of ``field`` that were seen in the ``days`` before the period, and not in it.
    ``returned``: values that are seen in the period, were not in the ``days`` before it, and were before that.
    """

    kind: Literal["new_value", "dormant", "returned"] = "new_value"
    field: str
    per: str | None = "m_user"
    days: Annotated[int, Field(ge=1, le=400)] = 30


class Sequence(_Model):
    """Something that came after something else, of the same ``key``: the second strictly later, both in the period.

    Each event of ``then`` stands beside the last one of ``first`` before it.
    """

    first: tuple[Filter, ...] = Field(min_length=1, max_length=50)
    then: tuple[Filter, ...] = Field(min_length=1, max_length=50)
    key: str = "m_user"
    within: int = Field(DAY, ge=1, le=400 * DAY)
    """Seconds between the two; where more than one of ``first`` is wanted, from the earliest of them."""
    at_least: int = Field(1, ge=1, le=100_000)
    """So many of ``first`` within that time."""
    each_key: bool = False
    """One row for each key, the last time that it happened, in place of one for each event of ``then``."""


class Order(_Model):
    """By a column of the result."""

    by: str
    descending: bool = True


class Plan(_Model):
    """A question about one table or view.

    Without measures and groups it lists rows, or what a sequence finds. ``versus`` is a second period of the same
    question: its measures stand beside those of the first.
    """

    source: str
    """Name of a table or of a view over several."""
    filters: tuple[Filter, ...] = Field((), max_length=50)
    """All of them hold."""
    period: Period
    versus: Period | None = None
    baseline: Baseline | None = None
    sequence: Sequence | None = None
    select: tuple[str, ...] = Field((), max_length=50)
    """Columns of a list; those that tell most where it is empty."""
    groups: tuple[Group, ...] = Field((), max_length=5)
    measures: tuple[Measure, ...] = Field((), max_length=10)
    having: tuple[Compare, ...] = Field((), max_length=10)
    """About measures, by the names of their columns; a text as value is the name of another measure."""
    order: tuple[Order, ...] = Field((), max_length=5)
    limit: int = Field(1_000, ge=1, le=MOST_ROWS)
    assumptions: tuple[str, ...] = ()
    """What the question left open and how it was decided, for people."""

    @model_validator(mode="after")
    def _consistent(self) -> Plan:
        results = results_of(self)
        if self.groups and not self.measures:
            raise ValueError("groups need a measure, such as count")
        for each in self.having:
            other = [each.value] if isinstance(each.value, str) else []
            if unknown := [name for name in (each.field, *other) if name not in results]:
                raise ValueError(f"having: no column {unknown[0]!r} in the result")
        if self.measures and (unknown := [each.by for each in self.order if each.by not in results]):
            raise ValueError(f"order: no column {unknown[0]!r} in the result")
        if self.versus and not self.measures:
            raise ValueError("versus compares measures: a list has none")
        labels = [each.name for each in self.measures if each.label or each.where]
        if any(results.count(label) > 1 for label in labels):
            raise ValueError("two columns of the result have the same name: label the measures")
        self._shapes_fit()
        return self

    def _shapes_fit(self) -> None:
        """What came before, what came after what and two periods are questions of their own."""
        silence = self.baseline if self.baseline and self.baseline.kind != "new_value" else None
        if (self.sequence or silence) and sum(map(bool, (self.sequence, self.baseline, self.versus))) > 1:
            raise ValueError("sequence, baseline and versus exclude each other")
        if silence and (not self.measures or [each.name for each in self.groups] != [silence.field] or self.having):
            raise ValueError(
                f"{silence.kind} is about the values of {silence.field}: group by it alone, without having"
            )
        inner = [each for measure in self.measures for each in (measure.where, measure.against) if each]
        inner += [*self.sequence.first, *self.sequence.then] if self.sequence else []
        if any(map(_asks_places, (*inner, *(self.filters if silence else ())))):
            raise ValueError(
                "countries of addresses are looked up for all rows of the period, not for parts of a question"
            )
        if self.sequence and (self.select or (self.sequence.each_key and self.measures)):
            raise ValueError("a sequence shows its own columns, or measures of all that it finds")
        if self.sequence and any(each.where for each in self.measures):
            raise ValueError("measures of what a sequence finds have no condition of their own")


def _asks_places(filter_: Filter) -> bool:
    match filter_:
        case Compare():
            return filter_.field == COUNTRY
        case All() | Any():
            return any(map(_asks_places, filter_.of))
        case Not():
            return _asks_places(filter_.of)


def results_of(plan: Plan) -> list[str]:
    """The columns of a result with measures, those of a second period left out."""
    return [*(each.name for each in plan.groups), *(each.name for each in plan.measures)]


All.model_rebuild()
Any.model_rebuild()
Not.model_rebuild()
