"""Countries where a table knows addresses only: these are found and looked up first, then the plan is run.

Tables have a column ``m_src_country`` for it, which exists in plans alone. An address that nobody can place, a private
one among them, is neither inside nor outside a country; how many there are is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from mantissa_core.errors import QueryError

from .plan import ADDRESS, COUNTRY, All, Any, Compare, Filter, Group, Measure, Not, Plan

MOST_ADDRESSES = 5_000
"""Different addresses that are looked up for one question."""
LONGEST_LIST = 12_000
"""Characters of a list of addresses in a statement, which may have 20,000 in all."""
NOBODY = "no enricher tells countries of addresses: set one up, such as maxmind.ip or ipinfo.ip"
FIRST = "this statement finds the source addresses; their countries are looked up, and then the rest is run"
_ONE_OF = ("eq", "ne", "in", "not_in")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is. Without a country nobody knows; ``failure`` says why nobody could be asked."""

    country: str = ""
    code: str = ""
    private: bool = False
    failure: str = ""

    @property
    def name(self) -> str:
        """The country's name, or its code."""
        return self.country or self.code


Locate = Callable[[Sequence[str]], Mapping[str, Place]]
"""Looks addresses up: a place for each."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A plan with addresses in place of countries, and what is to be said of those that have none.

    ``countries`` are the addresses by country where the plan groups by it, or the like; else it is empty.
    """

    plan: Plan
    countries: Mapping[str, Sequence[str]]
    told: tuple[str, ...]


def asks_where(plan: Plan) -> bool:
    """Whether addresses must be looked up before the plan can be compiled."""
    return _shows_countries(plan) or any(map(_mentions, plan.filters))


def first_step(plan: Plan) -> Plan:
    """The plan that finds the addresses: all that the rest of the question is about.

    Where new countries are asked for, those of all events of the days before are, too.
    """
    rest = tuple(each for each in plan.filters if not _mentions(each))
    period = plan.period
    if plan.baseline and _is_new(plan):
        rest, period = (), period.model_copy(update={"lo": period.lo - timedelta(days=plan.baseline.days)})
    changes = {"period": period, "filters": rest, "groups": (Group(field=ADDRESS),), "measures": (Measure(),)}
    cleared = {"select": (), "having": (), "order": (), "baseline": None, "sequence": None, "assumptions": ()}
    return plan.model_copy(update={**changes, **cleared, "limit": MOST_ADDRESSES + 1})


def resolved(plan: Plan, rows: Sequence[Mapping[str, object]], locate: Locate | None) -> Resolved:
    """The plan as it can be compiled. ``rows`` are those of :func:`first_step`.

    Raises:
        QueryError: nobody tells countries, or there are too many addresses.
    """
    if locate is None:
        raise QueryError(NOBODY)
    if plan.baseline and plan.baseline.kind != "new_value":
        raise QueryError("who was silent cannot be asked by country: ask without it")
    found = [str(row[ADDRESS]) for row in rows if row[ADDRESS] not in (None, "")]
    if len(found) > MOST_ADDRESSES:
        raise QueryError(f"more than {MOST_ADDRESSES:,} addresses would be looked up: narrow the time, or ask for less")
    places = locate(found)
    plan = plan.model_copy(update={"filters": tuple(_with_addresses(each, places) for each in plan.filters)})
    longest = LONGEST_LIST // 2 if plan.baseline else LONGEST_LIST  # the list is there twice
    countries = _by_country(places, longest) if _shows_countries(plan) else {}
    return Resolved(plan, countries, tuple(_told(places)))


def _shows_countries(plan: Plan) -> bool:
    fields = {*plan.select, *(each.by for each in plan.order), *(each.field for each in plan.groups)}
    fields |= {each.field for each in plan.measures if each.field}
    return COUNTRY in fields or _is_new(plan) or any(_mentions(each, named=False) for each in plan.filters)


def _is_new(plan: Plan) -> bool:
    return plan.baseline is not None and COUNTRY in (plan.baseline.field, plan.baseline.per)


def _mentions(filter_: Filter, *, named: bool = True) -> bool:
    """Whether it is about countries; not ``named``: in another way than by naming some."""
    match filter_:
        case Compare():
            return filter_.field == COUNTRY and (named or filter_.op not in _ONE_OF)
        case All() | Any():
            return any(_mentions(each, named=named) for each in filter_.of)
        case Not():
            return _mentions(filter_.of, named=named)


def _with_addresses(filter_: Filter, places: Mapping[str, Place]) -> Filter:
    match filter_:
        case Compare():
            return _one_of(filter_, places, negated=False) if _names_countries(filter_) else filter_
        case All() | Any():
            return filter_.model_copy(update={"of": tuple(_with_addresses(each, places) for each in filter_.of)})
        case Not():
            inner = filter_.of
            if isinstance(inner, Compare) and _names_countries(inner):
                return _one_of(inner, places, negated=True)  # not in a country is in another one, which is known
            return Not(of=_with_addresses(inner, places))


def _names_countries(compare: Compare) -> bool:
    return compare.field == COUNTRY and compare.op in _ONE_OF


def _one_of(compare: Compare, places: Mapping[str, Place], *, negated: bool) -> Compare:
    """The addresses that fit, or all but those that do not, whichever can be written."""
    values = compare.value if isinstance(compare.value, tuple) else (compare.value,)
    wanted = {str(each).casefold() for each in values}
    outside = negated is not (compare.op in ("ne", "not_in"))
    fits: list[str] = []
    others: list[str] = []
    for address, place in sorted(places.items()):
        inside = bool(wanted & {place.country.casefold(), place.code.casefold()} - {""})
        (fits if place.name and inside is not outside else others).append(address)
    if _length(fits) <= LONGEST_LIST:
        return Compare(field=ADDRESS, op="in", value=tuple(fits))
    if _length(others) <= LONGEST_LIST:
        return Compare(field=ADDRESS, op="not_in", value=tuple(others))
    raise QueryError(f"{len(fits):,} addresses fit, more than a statement can name: narrow the time, or ask for less")


def _by_country(places: Mapping[str, Place], longest: int) -> Mapping[str, Sequence[str]]:
    if _length(known := [address for address, place in places.items() if place.name]) > longest:
        raise QueryError(
            f"{len(known):,} addresses are more than a statement can name: narrow the time, or ask for less"
        )
    found: dict[str, list[str]] = {}
    for address in sorted(known):
        found.setdefault(places[address].name, []).append(address)
    return dict(sorted(found.items()))


def _length(addresses: Sequence[str]) -> int:
    return sum(len(each) + 10 for each in addresses)


def _told(places: Mapping[str, Place]) -> Iterator[str]:
    without = [each for each in places.values() if not each.name]
    private = sum(each.private for each in without)
    failed = [each.failure for each in without if each.failure]
    unknown = len(without) - private - len(failed)
    counts = [(private, "private"), (unknown, "of no known country")]
    if said := [f"{count:,} {what}" for count, what in counts if count]:
        yield f"of {len(places):,} source addresses {' and '.join(said)} count as neither inside nor outside a country"
    if failed:
        count = f"{len(failed):,} of {len(places):,}"
        yield f"{count} source addresses could not be looked up and have no country ({failed[0]})"
