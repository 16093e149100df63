"""How near each group came to completing a correlation, and what was missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .correlation import TEMPORAL, Compare, Correlation, Need, Seen, Term, Threshold, leaves
from .hits import Group, Hit, Match, grouped, micros_of, moment
from .sliding import measures, sliding
from .temporal import order_of, temporal

_WORDS = {
    Compare.GT: "more than",
    Compare.GTE: "at least",
    Compare.LT: "less than",
    Compare.LTE: "at most",
    Compare.EQ: "exactly",
    Compare.NEQ: "other than",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """One group. ``fired`` are the times of its results, ``at`` is when it came nearest to (another) one.

    ``measure`` is what was measured there, ``seen`` and ``missing`` are the rules that did and did not match within
    the timespan, ``unwanted`` those that did and must not.
    """

    group: dict[str, str]
    matches: int
    fired: tuple[datetime, ...] = ()
    at: datetime | None = None
    measure: float | None = None
    seen: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()


def standings(correlation: Correlation, hits: Iterable[Hit]) -> list[Standing]:
    """Where each group stands, those that fired first, then those with the most matches."""
    evaluate = temporal if correlation.kind in TEMPORAL else sliding
    found = []
    for group, matches in grouped(correlation, hits).items():
        fired = tuple(moment(each.match.hit.time) for each in evaluate(correlation, matches))
        found.append(replace(_nearest(correlation, group, matches), fired=fired))
    return sorted(found, key=lambda each: (not each.fired, -each.matches, tuple(each.group.values())))


def needed(correlation: Correlation) -> str:
    """What the correlation asks for, in words."""
    condition = correlation.condition
    if isinstance(condition, Threshold):
        return f"{_WORDS[condition.compare]} {condition.value:g}"
    return _words(condition)


def span_text(span: timedelta) -> str:
    """``4m30s``, as tests write it."""
    left, text = span // timedelta(milliseconds=1), ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def told(correlation: Correlation, standing: Standing, clock: Callable[[datetime], str]) -> str:
    """One line about a group; ``clock`` writes times."""
    who = ", ".join(f"{name}={value}" for name, value in standing.group.items()) or "all together"
    parts = []
    if standing.fired:
        parts.append(f"fires at {', '.join(clock(each) for each in standing.fired[:5])}")
        if len(standing.fired) > len(standing.fired[:5]):
            parts[-1] += f" and {len(standing.fired) - 5} more times"
    elif isinstance(correlation.condition, Threshold):
        parts.append(_measured(correlation, standing, clock))
    else:
        when = f"at {clock(standing.at)} " if standing.at else ""
        parts.append(f"{when}it has {', '.join(standing.seen) or 'nothing'}")
        if standing.missing:
            parts.append(f"missing within the timespan: {', '.join(standing.missing)}")
        if standing.unwanted:
            parts.append(f"must not match so near: {', '.join(standing.unwanted)}")
    return f"{who}: {'; '.join(parts)}"


def _measured(correlation: Correlation, standing: Standing, clock: Callable[[datetime], str]) -> str:
    if standing.measure is None or standing.at is None:
        return "nothing to measure"
    text = f"at best {standing.measure:g} at {clock(standing.at)}, needs {needed(correlation)}"
    return f"{text} in every window that contains a match" if correlation.ahead else text


def _nearest(correlation: Correlation, group: Group, matches: Sequence[Match]) -> Standing:
    named = dict(zip(correlation.group_by, group, strict=True))
    standing = Standing(named, len({each.hit.key for each in matches}))
    if isinstance(correlation.condition, Threshold):
        return _nearest_measure(correlation, correlation.condition, matches, standing)
    if (order := order_of(correlation)) is not None:
        return _furthest_step(correlation, matches, order.steps, standing)
    return _most_rules(correlation, correlation.condition, matches, standing)


def _nearest_measure(
    correlation: Correlation, condition: Threshold, matches: Sequence[Match], standing: Standing
) -> Standing:
    found = [(float(measure), each) for each, measure in measures(correlation, matches) if measure is not None]
    if not found:
        return standing

    def near(pair: tuple[float, Match]) -> float:
        match condition.compare:
            case Compare.GT | Compare.GTE:
                return -pair[0]
            case Compare.LT | Compare.LTE:
                return pair[0]
        return abs(pair[0] - condition.value)

    measure, match = min(found, key=near)
    return replace(standing, measure=measure, at=moment(match.hit.time))


def _most_rules(correlation: Correlation, condition: Term, matches: Sequence[Match], standing: Standing) -> Standing:
    span = micros_of(correlation.timespan)
    wanted = dict.fromkeys(leaf.rule for leaf in leaves(condition) if not leaf.absent)
    refused = dict.fromkeys(leaf.rule for leaf in leaves(condition) if leaf.absent)
    best, most = standing, -1
    latest: dict[str, int] = {}
    for each in matches:
        now = each.hit.time
        latest[each.rule] = now
        if each.rule not in wanted:
            continue
        seen = tuple(rule for rule in wanted if rule in latest and now - latest[rule] <= span)
        if len(seen) > most:
            near = {other.rule for other in matches if abs(other.hit.time - now) <= span}
            best, most = (
                replace(
                    standing,
                    at=moment(now),
                    seen=seen,
                    missing=tuple(rule for rule in wanted if rule not in seen),
                    unwanted=tuple(rule for rule in refused if rule in near),
                ),
                len(seen),
            )
    return best


def _furthest_step(
    correlation: Correlation, matches: Sequence[Match], steps: Sequence[frozenset[str]], standing: Standing
) -> Standing:
    """The longest beginning of the steps that was taken in order and in time."""
    named = [" or ".join(sorted(step)) for step in steps]
    order = order_of(correlation)
    for taken in range(len(steps), 0, -1):
        terms = tuple(Need(1, tuple(Seen(rule) for rule in sorted(step))) for step in steps[:taken])
        shorter = replace(correlation, condition=Need(taken, terms))
        found = next(temporal(shorter, matches), None)
        if found is not None:
            near = {
                other.rule
                for other in matches
                if abs(other.hit.time - found.match.hit.time) <= micros_of(correlation.timespan)
            }
            return replace(
                standing,
                at=moment(found.match.hit.time),
                seen=tuple(named[:taken]),
                missing=tuple(f"then {each}" for each in named[taken:]),
                unwanted=tuple(sorted(near & order.absent)) if order and taken == len(steps) else (),
            )
    return replace(standing, missing=tuple(named))


def _words(term: Term) -> str:
    if isinstance(term, Seen):
        return f"not {term.rule}" if term.absent else term.rule
    inner = [f"({_words(each)})" if isinstance(each, Need) else _words(each) for each in term.terms]
    if term.least == len(inner):
        return " and ".join(inner)
    return " or ".join(inner) if term.least == 1 else f"{term.least} of {', '.join(inner)}"


def summary(
    correlation: Correlation, clock: Callable[[datetime], str], hits: Iterable[Hit], most: int
) -> Iterator[str]:
    """What the correlation needs, and where its groups stand; at most ``most`` of them."""
    listed = list(hits)
    found = standings(correlation, listed)
    names = {rule_id: name for name, rule_id in correlation.ids.items()}
    for rule_id, name in names.items():
        if not any(hit.rule == rule_id for hit in listed):
            yield f"{name}: no match"
    if lacking := lacks(correlation, listed):
        fields = " or ".join((*correlation.group_by, *correlation.measured))
        yield f"matches in no group, for lack of {fields}: {lacking}"
    yield from (told(correlation, each, clock) for each in found[:most])
    if len(found) > most:
        yield f"groups not shown: {len(found) - most}"


def lacks(correlation: Correlation, hits: Iterable[Hit]) -> int:
    """How many matches lack a value to group by or to measure."""
    ids = set(correlation.ids.values())
    listed = {hit.signal: hit for hit in hits if hit.rule in ids}
    placed = {each.hit.signal for matches in grouped(correlation, listed.values()).values() for each in matches}
    return len(listed.keys() - placed)
