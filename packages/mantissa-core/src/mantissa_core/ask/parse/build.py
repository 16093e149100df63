"""What was said becomes a plan, over the table that can answer it; what does not fit together is not answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from mantissa_core.ask.compile import LISTED
from mantissa_core.ask.plan import COUNTRY, Baseline, Bucket, Compare, Filter, Group, Measure, Not, Order, Period, Plan
from mantissa_core.ask.plan import Any as AnyOf
from mantissa_core.ask.schema import Schema, SchemaTable

from .amounts import BOUNDS, RANKED, ROWS, Amounts
from .outcomes import outcomes_apart, tells_outcome
from .slots import Mention, Slots, named_user
from .unclear import Unclear

_T = TypeVar("_T")

_LOGIN = Compare(field="m_action", value="login")
PREFERRED = "auth"
"""What a question is about that names no source."""
FEW = 10
"""How many "top" are, without a number."""
EVER = timedelta(days=400)
"""How far back "the last time" is looked for."""
_LIMITED = ("", "longest", "shortest")
_BUCKETS: tuple[Bucket, ...] = ("minute", "hour", "day", "week", "month")


class Builder:
    """Makes one plan of one question's slots."""

    def __init__(self, schema: Schema, slots: Slots, periods: Sequence[Period], now: datetime, zone: str) -> None:
        self._schema, self._slots, self._periods, self._now, self._zone = schema, slots, list(periods), now, zone
        self.assumptions: list[str] = []
        """What was decided, for people."""

    def plan(self) -> Plan:
        """The plan.

        Raises:
            Unclear: the pieces do not make one question.
        """
        frames = set(self._slots.frames)
        if "sequence" in frames:
            raise Unclear("what came after what, or before? say both, such as 'who logged in after a failed login'")
        table = self.table()
        having, limit = self._numbers(frames, table)
        groups, measures = self._shape(frames, table, bool(having))
        if having and not any(each.function not in ("count", "count_distinct") for each in measures):
            of = having[0][2]
            measures = (Measure(function="count_distinct", field=self._named(table, of)) if of else Measure(),)
            groups = groups or (Group(field="m_user"),)
        filters = tuple(self._filters(table))
        if (
            measures
            and "rare" not in frames
            and self._slots.signed_in
            and _LOGIN in filters
            and not any(map(tells_outcome, filters))
        ):
            filters = (*filters, Compare(field="m_outcome", value="success"))
            self.assumptions.append("signed in: with success")
        if measures == (Measure(),) and (two := outcomes_apart(filters, frames)):
            filters, measures = two
        period, versus = self.times(frames, bool(measures))
        once = bool(frames & {"last", "first"}) and not measures
        return Plan(
            source=table.name,
            filters=filters,
            period=period,
            versus=versus,
            baseline=self._baseline(table) if "rare" in frames else None,
            groups=groups,
            measures=measures,
            select=self._selected(table, frames) if not measures else (),
            having=tuple(self._having(having, measures)),
            order=self._order(table, frames, groups, measures),
            limit=limit or (1 if once or self._asks_for_one() else FEW if frames & RANKED else 1_000),
            assumptions=tuple(self.assumptions),
        )

    def _asks_for_one(self) -> bool:
        """The single busiest; not the most in a single request."""
        frames = self._slots.frames
        return any(one == "single" and of in RANKED for one, of in pairwise(frames))

    def filters_for(self, table: SchemaTable) -> Iterator[Filter]:
        """The conditions, where the table is known.

        Raises:
            Unclear: the table does not have what they are about.
        """
        if (self._slots.countries and not country_of(table)) or any(
            table.name not in each for each in (*self._slots.needs, *self._slots.sources)
        ):
            raise Unclear(f"{table.title} does not tell that: ask it as a question of its own")
        return self._filters(table)

    def shape_for(self, table: SchemaTable) -> tuple[tuple[Group, ...], tuple[Measure, ...]]:
        """Groups and measures, where the table is known."""
        return self._shape(set(self._slots.frames), table, False)

    def having_for(self, measures: Sequence[Measure]) -> tuple[Compare, ...]:
        """Conditions on the measures of the plan before."""
        return tuple(self._having(self._numbers(set(self._slots.frames))[0], measures))

    @property
    def limit(self) -> int | None:
        """How many rows are asked for, if that is said."""
        return self._numbers(set(self._slots.frames))[1]

    # --- the table ------------------------------------------------------------------------------------------

    def table(self) -> SchemaTable:
        """The one that has everything that is named.

        Raises:
            Unclear: there is none, or there are several.
        """
        candidates = set(self._schema.tables)
        for wanted in (*self._slots.sources, *self._slots.needs, *self._columns()):
            candidates &= wanted
        if not candidates:
            remedy = "" if self._schema.locates else " (an enricher such as maxmind.ip would tell those of addresses)"
            raise Unclear(
                f"no log that tells countries has the rest{remedy}"
                if self._slots.countries
                else "no single log has all of that"
            )
        if PREFERRED in candidates:
            return self._schema.tables[PREFERRED]
        candidates = self._likely(candidates)
        named = sorted(candidates, key=lambda name: (not self._schema.tables[name].is_view, name))
        if len(named) > 1 and not self._schema.tables[named[0]].is_view:
            titles = ", ".join(self._schema.tables[name].title for name in named[:5])
            raise Unclear(
                f"several logs could answer it ({titles}): name one",
                [self._schema.tables[name].title for name in named],
            )
        if not self._slots.sources:
            self.assumptions.append(f"only {self._schema.tables[named[0]].title} tells it")
        return self._schema.tables[named[0]]

    def _likely(self, candidates: set[str]) -> set[str]:
        """Of several logs those that have such actions, and those that go by the name that was said."""
        actions = {each.value for each in self._slots.filters if isinstance(each, Compare) and each.field == "m_action"}
        able = {name for name in candidates if actions <= set(self._schema.tables[name].actions)}
        named = (able or candidates) & self._slots.named
        if len(candidates) > 1 and len(named or able) == 1:
            title = self._schema.tables[next(iter(named or able))].title
            self.assumptions.append(f"of the logs that could be meant: {title}")
        return named or able or candidates

    def _columns(self) -> Iterator[frozenset[str]]:
        """For each column that is named the tables that have it."""
        with_values = (mention for mention, _, _ in (*self._slots.comparisons, *self._slots.bounds))
        for mention in (*self._slots.mentions, *with_values):
            yield mention.tables
        if self._slots.countries:
            yield frozenset(name for name, table in self._schema.tables.items() if country_of(table))

    # --- what holds -----------------------------------------------------------------------------------------

    def _filters(self, table: SchemaTable) -> Iterator[Filter]:
        yield from self._together(_distinct([*self._slots.filters, *self._chosen(table)]))
        for mention, token, negated in self._slots.comparisons:
            filter_ = self._compared(table, self.column(table, mention), token.text)
            yield Not(of=filter_) if negated else filter_
        yield from self._amounts(table).bounds()
        yield from self._where(table)

    def _where(self, table: SchemaTable) -> Iterator[Filter]:
        """Conditions on countries."""
        column = country_of(table)
        outside = [Not(of=_one_of(column, pair)) for pair, negated in self._slots.countries if negated]
        inside = [_one_of(column, pair) for pair, negated in self._slots.countries if not negated]
        yield from outside
        if inside:
            yield inside[0] if len(inside) == 1 else AnyOf(of=tuple(inside))

    def _chosen(self, table: SchemaTable) -> Iterator[Filter]:
        """Of events that several logs have, what they are in this one."""
        for meanings, negated in self._slots.choices:
            own = next((each for each in meanings if table.name in each.tables), None)
            if own is None:
                raise Unclear(f"{table.title} does not tell that")
            yield from (Not(of=each) if negated else each for each in own.value)

    def _together(self, filters: list[Filter]) -> Iterator[Filter]:
        """Two values of one column are alternatives where the question joins them, and else two questions."""
        several: dict[str, list[Filter]] = {}
        for number, each in enumerate(filters):
            several.setdefault(_about(each) or str(number), []).append(each)
        excluded = {_about(each.of) for each in filters if isinstance(each, Not)} & {"m_action", "eventName"}
        if name := next((each for each in excluded if each in several), ""):
            raise Unclear(f"one {name}, and not another: ask for the two one after the other")
        for name, alike in several.items():
            if len(alike) > 1 and not self._slots.joined:
                raise Unclear(f"two things at once about {name}: ask for one, or join them with 'or'")
            yield alike[0] if len(alike) == 1 else AnyOf(of=tuple(alike))

    def _compared(self, table: SchemaTable, column: str, text: str) -> Filter:
        kind = table.columns[column].type
        if kind in ("BIGINT", "INTEGER", "DOUBLE"):
            if not text.isdigit():
                raise Unclear(f"{column} is a number, found {text!r}")
            return Compare(field=column, value=int(text))
        if kind not in ("VARCHAR", "VARCHAR[]"):
            raise Unclear(f"{column} cannot be compared with {text!r}")
        if column == "m_user" and not any(character in text for character in "@/: "):
            return named_user(text)
        return Compare(field=column, value=text)

    def column(self, table: SchemaTable, mention: Mention) -> str:
        """What the table calls a column that is named.

        Raises:
            Unclear: it has none of that name.
        """
        name = dict(reversed(mention.by_table)).get(table.name, mention.name)
        if name in table.columns:
            return name
        if name == COUNTRY and (own := country_of(table)):
            return own
        raise Unclear(f"{table.title} has no {mention.name}")

    def _named(self, table: SchemaTable, column: str) -> str:
        return self.column(table, Mention(column, frozenset(), ""))

    def _baseline(self, table: SchemaTable) -> Baseline:
        mention = next((each for each in self._slots.mentions if each.after == "rare"), None)
        if mention is None:
            raise Unclear("what is unusual about it: the address, the user?")
        column = self.column(table, mention)
        self.assumptions.append("unusual: not seen with the same user in the 30 days before")
        return Baseline(field=column, per=None if column == "m_user" else "m_user")

    # --- what comes out -------------------------------------------------------------------------------------

    def _shape(
        self, frames: set[str], table: SchemaTable, having: bool
    ) -> tuple[tuple[Group, ...], tuple[Measure, ...]]:
        mentions = [each for each in self._slots.mentions if each.after not in ("rare", *BOUNDS)]
        buckets = [each for each in _BUCKETS if each in frames]
        amounts = self._amounts(table)
        if amounts.ranked(frames, buckets):
            return (), ()
        if (measure := amounts.measure(frames)) is not None:
            return self.groups(table, amounts.grouped(frames, having), buckets), (measure,)
        grouped = [each for each in mentions if each.after == "each"]
        if "count" in frames and not frames & {"top", "fewest"}:
            counted = [each for each in mentions if each not in grouped and each.name not in ROWS]
            counted = [each for each in counted if each.after in ("count", "distinct", "number")] or counted
            if {"times", "often", "frequently"} & {each.lower() for each in self._slots.phrases}:
                counted = []  # how often people did it, not how many they are
            if "each" in frames and not grouped and counted and counted[0].after not in ("count", "distinct"):
                return self.groups(table, counted[:1], buckets), (Measure(),)  # countries, and how many from each
            if counted and counted[0].after == "" and not counted[0].name.startswith("m_"):
                raise Unclear(f"how many of what: {counted[0].name}, or events?")
            function = (
                Measure(function="count_distinct", field=self.column(table, counted[0])) if counted else Measure()
            )
            return self.groups(table, grouped, buckets), (function,)
        if buckets or "trend" in frames:
            return self.groups(table, grouped, buckets or ["hour"]), (Measure(),)
        if frames & {"top", "fewest"}:
            mentions = [each for each in mentions if each.after != "count" or each.name not in ROWS]
            return self.groups(table, mentions[:2] or [Mention("m_user", frozenset(), "")], []), (Measure(),)
        if "compare" in frames and len(self._periods) == 2:
            return self.groups(table, grouped, []), (Measure(),)
        mentions = [each for each in mentions if each in grouped or not (each.name in ROWS or amounts.is_one(each))]
        leading = [each for each in mentions if each.after == "" and not frames - {"each"}]  # "verbs used by lin"
        if "who" in frames or grouped or leading or (mentions and (having or frames & {"list", "distinct"})):
            chosen = grouped or (mentions[:1] if "who" not in frames else [])
            return self.groups(table, chosen or [Mention("m_user", frozenset(), "")], []), (Measure(),)
        return (), ()

    def _amounts(self, table: SchemaTable) -> Amounts:
        return Amounts(self._slots, table, lambda mention: self.column(table, mention))

    def _selected(self, table: SchemaTable, frames: set[str]) -> tuple[str, ...]:
        """What a list shows besides the usual: the amounts that it is ordered by, or that have a bound."""
        more = self._amounts(table).listed(frames)
        shown = (*(each for each in LISTED if each in table.columns), *table.telling, *more)
        return tuple(dict.fromkeys(shown)) if more else ()

    def groups(self, table: SchemaTable, mentions: Sequence[Mention], buckets: Sequence[str]) -> tuple[Group, ...]:
        """A stretch of time, then the columns."""
        by = [Group(field=self.column(table, each)) for each in mentions]
        return (*(Group(bucket=each) for each in buckets[:1]), *_distinct(by))

    def _numbers(
        self, frames: set[str], table: SchemaTable | None = None
    ) -> tuple[list[tuple[str, int, str]], int | None]:
        """Conditions on a measure, and how many rows are asked for."""
        having, limit, of_rows = [], None, self._amounts(table).of_rows() if table else []
        for after, number in self._slots.numbers:
            if (after, number) in of_rows:
                continue
            if after in BOUNDS:
                of = next((each.name for each in self._slots.mentions if each.after == after), "")
                having.append((after, number, of))
            elif after in ("top", "list", "fewest", "first", "last") or (after in _LIMITED and frames & RANKED):
                limit = number  # the last: "ten users with the most"
            else:
                raise Unclear(f"what does {number} say?")
        return having, limit

    def _having(self, having: list[tuple[str, int, str]], measures: Sequence[Measure]) -> Iterator[Compare]:
        for word, number, _of in having:
            yield Compare(field=measures[0].name, op=BOUNDS[word], value=number)

    def _order(
        self, table: SchemaTable, frames: set[str], groups: Sequence[Group], measures: Sequence[Measure]
    ) -> tuple[Order, ...]:
        if not measures and (by := self._amounts(table).ranked(frames, ())):
            return (Order(by=by, descending=not frames & {"fewest", "shortest"}),)
        if not measures:
            return (Order(by="m_time", descending="first" not in frames),)
        if "fewest" in frames:
            return (
                Order(by=measures[0].name, descending=False),
                *(Order(by=each.name, descending=False) for each in groups),
            )
        return ()

    # --- when -----------------------------------------------------------------------------------------------

    def times(self, frames: set[str], measured: bool) -> tuple[Period, Period | None]:
        """The period that is meant, and the one that it is compared with.

        Raises:
            Unclear: it names several.
        """
        periods = self._periods
        if len(periods) > 2 or (len(periods) == 2 and (not measured or "not" in frames)):
            raise Unclear("it names several times")
        if len(periods) == 2:
            return side_by_side(*periods)
        if periods and "compare" in frames and measured:
            only = periods[0]
            length = only.hi - only.lo
            return only, Period(lo=only.lo - length, hi=only.lo, text=f"before {only.text}", zone=self._zone)
        if periods:
            return periods[0], None
        if frames & {"last", "first"}:
            return Period(lo=self._now - EVER, hi=self._now, text="400 days", assumed=True, zone=self._zone), None
        day = Period(
            lo=self._now - timedelta(hours=24), hi=self._now, text="the last 24 hours", assumed=True, zone=self._zone
        )
        return day, None


def side_by_side(first: Period, second: Period) -> tuple[Period, Period]:
    """The same elapsed span of both, where one still runs: today so far, and yesterday until this hour."""
    length = min(first.hi - first.lo, second.hi - second.lo)
    if first.lo == second.lo and first.hi == second.hi:  # the last 24 hours, and the 24 hours before
        second = second.model_copy(update={"lo": first.lo - length, "hi": first.lo})
    clipped = [each.model_copy(update={"hi": each.lo + length}) for each in (first, second)]
    return clipped[0], clipped[1]


def _about(filter_: Filter) -> str:
    """The column of which this is one of several possible values; empty for other conditions."""
    if isinstance(filter_, Compare):
        return filter_.field if filter_.op in ("eq", "in") else ""
    if isinstance(filter_, AnyOf) and all(isinstance(each, Compare) and each.field == "m_user" for each in filter_.of):
        return "m_user"
    return ""


def country_of(table: SchemaTable) -> str:
    """The column that tells a country; empty where none does."""
    return next((name for name, each in table.columns.items() if "country" in each.synonyms), "")


def _one_of(column: str, country: tuple[str, str]) -> Filter:
    return Compare(field=column, op="in", value=country)


def _distinct(values: Sequence[_T]) -> list[_T]:
    found: list[_T] = []
    for each in values:
        if each not in found:
            found.append(each)
    return found
