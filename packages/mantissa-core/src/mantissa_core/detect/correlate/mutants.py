"""Correlations that differ from one in a single place: what its tests should notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mantissa_core.errors import RuleError

from .correlation import Correlation, Kind, Need, Seen, Term, Threshold, leaves
from .temporal import order_of


@dataclass(frozen=True, slots=True)
class CorrelationMutant:
    """A correlation with one thing changed; ``change`` says what."""

    change: str
    correlation: Correlation


def correlation_mutants(correlation: Correlation) -> Iterator[CorrelationMutant]:
    """The timespan halved and doubled, the threshold one off, each field of ``group-by`` and each rule dropped.

    Of temporal ones also each part of the condition dropped or negated, and the order given up.
    """
    for mutant in _changed(correlation):
        try:
            order_of(mutant.correlation)
        except RuleError:  # a condition without an order is no temporal_ordered
            continue
        yield mutant


def _changed(correlation: Correlation) -> Iterator[CorrelationMutant]:
    span = correlation.timespan
    yield CorrelationMutant("timespan halved", replace(correlation, timespan=span / 2))
    yield CorrelationMutant("timespan doubled", replace(correlation, timespan=span * 2))
    for name in correlation.group_by:
        rest = tuple(each for each in correlation.group_by if each != name)
        yield CorrelationMutant(f"group-by dropped: {name}", replace(correlation, group_by=rest))
    condition = correlation.condition
    if isinstance(condition, Threshold):
        for change in (1, -1):
            other = replace(condition, value=condition.value + change)
            text = f"threshold {other.value:g} instead of {condition.value:g}"
            yield CorrelationMutant(text, replace(correlation, condition=other))
        if len(correlation.rules) > 1:
            for name in correlation.rules:
                yield CorrelationMutant(f"rule dropped: {name}", _without(correlation, name))
        return
    seen: set[Term] = {condition}
    for text, term in _terms(condition):
        if term not in seen and any(not leaf.absent for leaf in leaves(term)):
            seen.add(term)
            yield CorrelationMutant(text, replace(correlation, condition=term))
    if correlation.kind is Kind.TEMPORAL_ORDERED:
        yield CorrelationMutant("order given up", replace(correlation, kind=Kind.TEMPORAL))


def _without(correlation: Correlation, name: str) -> Correlation:
    return replace(
        correlation,
        rules=tuple(each for each in correlation.rules if each != name),
        ids={each: rule_id for each, rule_id in correlation.ids.items() if each != name},
    )


def _terms(term: Term) -> Iterator[tuple[str, Term]]:
    if isinstance(term, Seen):
        text = f"negation dropped: not {term.rule}" if term.absent else f"negated: {term.rule}"
        yield text, replace(term, absent=not term.absent)
        return
    for change in (1, -1):
        if 1 <= term.least + change <= len(term.terms):
            text = f"{term.least + change} of {len(term.terms)} instead of {term.least}"
            yield text, Need(term.least + change, term.terms)
    for at, child in enumerate(term.terms):
        rest = term.terms[:at] + term.terms[at + 1 :]
        if rest:
            least = min(term.least, len(rest))
            text = f"dropped: {' and '.join(leaf.rule for leaf in leaves(child))}"
            yield text, Need(least, rest)
        for text, other in _terms(child):
            yield text, Need(term.least, (*term.terms[:at], other, *term.terms[at + 1 :]))
