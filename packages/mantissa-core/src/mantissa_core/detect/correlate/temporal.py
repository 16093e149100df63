"""``temporal`` and ``temporal_ordered``: which rules matched within a timespan, in any order or in the one given."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from mantissa_core.errors import RuleError

from .correlation import Correlation, Kind, Need, Seen, Term, Threshold, leaves
from .hits import Match, micros_of
from .sliding import Found

Chain = tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """The steps of a ``temporal_ordered``, each by any of its rules, and the rules that must not match."""

    steps: tuple[frozenset[str], ...]
    absent: frozenset[str]


def temporal(correlation: Correlation, matches: Sequence[Match]) -> Iterator[Found]:
    """The matches of one group that complete the condition."""
    span = micros_of(correlation.timespan)
    times: dict[str, list[int]] = {}
    for each in matches:
        times.setdefault(each.rule, []).append(each.hit.time)
    order = order_of(correlation)
    if order is not None:
        for chain in _chains(matches, order.steps, span):
            if not any(_near(times.get(rule, ()), chain[-1].hit.time, span) for rule in order.absent):
                yield Found(chain[-1], chain)
    elif not isinstance(correlation.condition, Threshold):
        yield from _unordered(correlation.condition, matches, times, span)


def order_of(correlation: Correlation) -> Order | None:
    """The steps of a ``temporal_ordered``; ``None`` for every other type.

    Raises:
        RuleError: the condition has no order, such as ``a or (b and c)``.
    """
    if correlation.kind is not Kind.TEMPORAL_ORDERED or isinstance(correlation.condition, Threshold):
        return None
    steps, absent = [], set[str]()
    for term in _conjuncts(correlation.condition):
        named = leaves(term)
        if isinstance(term, Seen) and term.absent:
            absent.add(term.rule)
        elif isinstance(term, Need) and (term.least != 1 or any(isinstance(each, Need) for each in term.terms)):
            raise RuleError(
                "correlation.condition: temporal_ordered takes steps joined by 'and': a and (b or c) and not d"
            )
        elif any(leaf.absent for leaf in named):
            raise RuleError("correlation.condition: temporal_ordered takes no 'or' with a negated rule")
        else:
            steps.append(frozenset(leaf.rule for leaf in named))
    return Order(tuple(steps), frozenset(absent))


def _conjuncts(term: Term) -> Iterator[Term]:
    if isinstance(term, Need) and term.least == len(term.terms):
        for each in term.terms:
            yield from _conjuncts(each)
    else:
        yield term


def _unordered(
    condition: Term, matches: Sequence[Match], times: Mapping[str, Sequence[int]], span: int
) -> Iterator[Found]:
    """A match of a rule that may matter, where the rules needed matched up to it and the others nowhere near."""
    telling = {leaf.rule for leaf in leaves(condition) if not leaf.absent}
    latest: dict[str, Match] = {}
    for each in matches:
        latest[each.rule] = each
        if each.rule not in telling:
            continue
        now = each.hit.time
        recent = {rule: match for rule, match in latest.items() if now - match.hit.time <= span}
        if _holds(condition, recent, times, now, span):
            seen = [match for rule, match in recent.items() if rule in telling and match is not each]
            yield Found(each, [*sorted(seen, key=lambda match: match.hit.time), each])


def _holds(term: Term, recent: Mapping[str, Match], times: Mapping[str, Sequence[int]], now: int, span: int) -> bool:
    if isinstance(term, Need):
        return sum(_holds(each, recent, times, now, span) for each in term.terms) >= term.least
    return not _near(times.get(term.rule, ()), now, span) if term.absent else term.rule in recent


def _near(times: Sequence[int], now: int, span: int) -> bool:
    """Whether one of ``times`` is at most ``span`` before or after ``now``."""
    place = bisect_left(times, now - span)
    return place < len(times) and times[place] <= now + span


def _chains(matches: Sequence[Match], steps: Sequence[frozenset[str]], span: int) -> Iterator[Chain]:
    """For each match of the last step the chain up to it that began last, where it is short enough.

    Equal times are in order whatever their ids (many sources tell seconds alone); an event takes one step only.
    """
    before: list[Chain | None] = [None] * len(steps)  # the chain to each step that began last, all earlier than now
    for now, tied in groupby(matches, key=lambda each: each.hit.time):
        here = list(tied)
        candidates = [_candidates(here, step, len(steps)) for step in steps]
        for last in _distinct(each for each in here if each.rule in steps[-1]):
            chain = _upto(len(steps) - 1, last, before, candidates, frozenset())
            if chain is not None and now - chain[0].hit.time <= span:
                yield chain
        reached = [
            [_upto(step, last, before, candidates, frozenset()) for last in candidates[step]]
            for step in range(len(steps))
        ]
        for step, chains in enumerate(reached):
            before[step] = _latest([before[step], *chains])


def _upto(
    step: int, last: Match, before: Sequence[Chain | None], candidates: Sequence[Sequence[Match]], used: frozenset[str]
) -> Chain | None:
    """The chain that takes ``step`` with ``last`` and began last; ``used`` are events that later steps took."""
    if step == 0:
        return (last,)
    taken = used | {last.hit.key}
    tied = [
        _upto(step - 1, each, before, candidates, taken) for each in candidates[step - 1] if each.hit.key not in taken
    ]
    chain = _latest([before[step - 1], *tied])
    return None if chain is None else (*chain, last)


def _latest(chains: Sequence[Chain | None]) -> Chain | None:
    return max((each for each in chains if each), key=lambda chain: chain[0].hit.time, default=None)


def _candidates(here: Sequence[Match], step: frozenset[str], steps: int) -> list[Match]:
    """As many matches of a step at one time as there are steps: the others cannot all take their events."""
    found = list(_distinct(each for each in here if each.rule in step))
    return found[:steps]


def _distinct(matches: Iterator[Match]) -> Iterator[Match]:
    seen: set[str] = set()
    for each in matches:
        if each.hit.key not in seen:
            seen.add(each.hit.key)
            yield each
