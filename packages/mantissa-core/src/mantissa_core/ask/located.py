"""Conditions on countries where a table knows addresses only: these are found and looked up first, then asked for.

An address that nobody can place, a private one among them, is neither inside nor outside a country; how many there are
is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mantissa_core.errors import QueryError

from .plan import All, Any, Compare, Filter, Group, Located, Measure, Not, Plan

MOST_ADDRESSES = 5_000
"""Different addresses that are looked up for one question."""
LONGEST_LIST = 12_000
"""Characters of a list of addresses in a statement, which may have 20,000 in all."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is. Without a country nobody knows; ``failure`` says why nobody could be asked."""

    country: str = ""
    code: str = ""
    private: bool = False
    failure: str = ""


Locate = Callable[[Sequence[str]], Mapping[str, Place]]
"""Looks addresses up: a place for each."""
NOBODY = "no enricher tells countries of addresses: set one up, such as maxmind.ip or ipinfo.ip"
FIRST = "this statement finds the source addresses; their countries are looked up, and then the rest is run"


def asks_where(plan: Plan) -> bool:
    """Whether addresses must be looked up before the plan can be compiled."""
    return bool(_fields(plan))


def first_step(plan: Plan) -> Plan:
    """The plan that finds the addresses: all that the rest of the question is about."""
    group = Group(field=_fields(plan)[0])
    rest = tuple(each for each in plan.filters if not any(_located(each)))
    changes = {"filters": rest, "groups": (group,), "measures": (Measure(),), "limit": MOST_ADDRESSES + 1}
    cleared = {"select": (), "having": (), "order": (), "baseline": None, "sequence": None, "assumptions": ()}
    return plan.model_copy(update={**changes, **cleared})


def resolved(plan: Plan, rows: Sequence[Mapping[str, object]], locate: Locate | None) -> tuple[Plan, tuple[str, ...]]:
    """The plan with addresses in place of countries, and how those count that have none.

    ``rows`` are those of :func:`first_step`.

    Raises:
        QueryError: nobody tells countries, or there are too many addresses.
    """
    if locate is None:
        raise QueryError(NOBODY)
    field = _fields(plan)[0]
    found = [row for row in rows if row[field] not in (None, "")]
    if len(found) > MOST_ADDRESSES:
        raise QueryError(f"more than {MOST_ADDRESSES:,} addresses would be looked up: narrow the time, or ask for less")
    places = locate([str(row[field]) for row in found])
    filters = tuple(_with_addresses(each, places) for each in plan.filters)
    return plan.model_copy(update={"filters": filters}), tuple(_told(places))


def _fields(plan: Plan) -> list[str]:
    return sorted({each.field for filter_ in plan.filters for each in _located(filter_)})


def _located(filter_: Filter) -> Iterator[Located]:
    match filter_:
        case Located():
            yield filter_
        case All() | Any():
            for each in filter_.of:
                yield from _located(each)
        case Not():
            yield from _located(filter_.of)


def _with_addresses(filter_: Filter, places: Mapping[str, Place]) -> Filter:
    match filter_:
        case Located():
            return _one_of(filter_, places)
        case All() | Any():
            return filter_.model_copy(update={"of": tuple(_with_addresses(each, places) for each in filter_.of)})
        case Not():
            return filter_.model_copy(update={"of": _with_addresses(filter_.of, places)})
    return filter_


def _one_of(located: Located, places: Mapping[str, Place]) -> Compare:
    """The addresses that fit, or all but those that do not, whichever can be written."""
    wanted = {each.casefold() for each in located.countries}
    fits: list[str] = []
    others: list[str] = []
    for address, place in sorted(places.items()):
        inside = bool(wanted & {place.country.casefold(), place.code.casefold()} - {""})
        known = bool(place.country or place.code)
        (fits if known and inside is not located.negated else others).append(address)
    if _length(fits) <= LONGEST_LIST:
        return Compare(field=located.field, op="in", value=tuple(fits))
    if _length(others) <= LONGEST_LIST:
        return Compare(field=located.field, op="not_in", value=tuple(others))
    raise QueryError(f"{len(fits):,} addresses fit, more than a statement can name: narrow the time, or ask for less")


def _length(addresses: Sequence[str]) -> int:
    return sum(len(each) + 10 for each in addresses)


def _told(places: Mapping[str, Place]) -> Iterator[str]:
    without = [each for each in places.values() if not each.country and not each.code]
    private = sum(each.private for each in without)
    failed = [each.failure for each in without if each.failure]
    unknown = len(without) - private - len(failed)
    counts = [(private, "private"), (unknown, "of no known country")]
    if said := [f"{count:,} {what}" for count, what in counts if count]:
        yield f"of {len(places):,} source addresses {' and '.join(said)} count as neither inside nor outside a country"
    if failed:
        count = f"{len(failed):,} of {len(places):,}"
        yield f"{count} source addresses could not be looked up and are left out ({failed[0]})"
