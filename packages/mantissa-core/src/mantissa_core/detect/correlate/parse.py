"""A ``correlation`` document into data, through pySigma's parser.

Specification: https://sigmahq.io/sigma-specification/specification/sigma-correlation-rules-specification.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.exceptions import SigmaError

from mantissa_core.detect.rules import keys
from mantissa_core.detect.rules.attributes import attributes
from mantissa_core.errors import RuleError

from .correlation import TEMPORAL, Compare, Correlation, Kind, Need, Seen, Term, Threshold, leaves

KEYS = frozenset({"type", "rules", "generate", "group-by", "timespan", "aliases", "condition"})
LONGEST = timedelta(days=366)
"""The longest timespan; every match within it is read again for each new one."""


def parse_correlation(document: Mapping[str, Any], text: str = "", source: str = "<rule>") -> Correlation:
    """Read one document with a ``correlation`` section. Its references are checked by :mod:`.link`.

    Raises:
        RuleError: it is malformed, or asks for what has no meaning here; names the place.
    """
    title, warnings = keys.text(document, "title"), list[str]()
    if not title:
        raise RuleError("title: missing, expected a short text")
    section = keys.mapping(document, "correlation")
    if unknown := sorted(set(map(str, section)) - KEYS):
        raise RuleError(f"correlation.{unknown[0]}: unknown, expected one of {', '.join(sorted(KEYS))}")
    parsed = _parsed(title, section)
    if not parsed.rules and not isinstance(parsed.condition, SigmaExtendedCorrelationCondition):
        raise RuleError("correlation.rules: empty, expected the id or name of at least one rule")
    kind = Kind(parsed.type.name.lower())
    own = attributes(document, warnings)
    try:
        condition = _condition(kind, parsed)
    except RecursionError:
        raise RuleError("correlation.condition: nested too deeply") from None
    return Correlation(
        id=keys.identifier(document, title, warnings),
        name=keys.text(document, "name"),
        title=title,
        severity=keys.severity(document),
        kind=kind,
        rules=_rules(parsed, condition),
        timespan=_timespan(parsed),
        condition=condition,
        text=text,
        source=source,
        group_by=_group_by(section),
        aliases={each.alias: {ref.reference: to for ref, to in each.mapping.items()} for each in parsed.aliases},
        generate=parsed.generate,
        description=keys.text(document, "description"),
        author=keys.text(document, "author"),
        tags=keys.tags(document, warnings),
        references=keys.texts(document, "references"),
        falsepositives=keys.texts(document, "falsepositives"),
        warnings=tuple(warnings),
        stage=own.stage,
        alert_window=own.alert_window,
        owner=own.owner,
        modified=own.modified,
    )


def _parsed(title: str, section: Mapping[str, Any]) -> SigmaCorrelationRule:
    try:
        return SigmaCorrelationRule.from_dict({"title": title, "correlation": dict(section)})
    except RecursionError:
        raise RuleError("correlation.condition: nested too deeply") from None
    except (SigmaError, TypeError, AttributeError, ValueError, KeyError) as error:
        raise RuleError(f"correlation: {error}") from error


def _rules(parsed: SigmaCorrelationRule, condition: Threshold | Term) -> tuple[str, ...]:
    """The references, each once."""
    listed = [each.reference for each in parsed.rules or []]
    if not listed and not isinstance(condition, Threshold):
        listed = [leaf.rule for leaf in leaves(condition)]
    return _names(listed, "rules")


def _names(found: list[Any], key: str) -> tuple[str, ...]:
    for number, each in enumerate(found, start=1):
        if not isinstance(each, str) or not each.strip():
            raise RuleError(f"correlation.{key}, entry {number}: found {each!r}, expected a text")
    return tuple(dict.fromkeys(each.strip() for each in found))


def _group_by(section: Mapping[str, Any]) -> tuple[str, ...]:
    """As written: pySigma makes texts of whatever stands there."""
    found = section.get("group-by")
    return _names(found if isinstance(found, list) else [found] if found is not None else [], "group-by")


def _timespan(parsed: SigmaCorrelationRule) -> timedelta:
    if parsed.timespan.seconds > LONGEST.total_seconds():
        raise RuleError(f"correlation.timespan: {parsed.timespan.spec}, expected at most {LONGEST.days}d")
    return timedelta(seconds=parsed.timespan.seconds)


def _condition(kind: Kind, parsed: SigmaCorrelationRule) -> Threshold | Term:
    condition = parsed.condition
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        term = _term(condition.parsed, absent=False)
        if all(leaf.absent for leaf in leaves(term)):
            raise RuleError("correlation.condition: only negated rules; name one that must match")
        return term
    if condition is None:
        raise RuleError("correlation.condition: missing")
    return _need(kind, parsed, condition) if kind in TEMPORAL else _threshold(kind, condition)


def _need(kind: Kind, parsed: SigmaCorrelationRule, condition: SigmaCorrelationCondition) -> Term:
    """``temporal`` counts rules: all of them unless the condition says how many suffice."""
    names = dict.fromkeys(str(each.reference).strip() for each in parsed.rules or [])
    compare, count = Compare(condition.op.name.lower()), condition.count
    least = count + 1 if compare is Compare.GT else count
    sensible = compare in {Compare.GT, Compare.GTE} or (compare is Compare.EQ and count == len(names))
    if not sensible or least != int(least) or not 1 <= least <= len(names):
        raise RuleError(
            f"correlation.condition: found {compare}: {count}; for {kind} it counts rules, "
            f"expected gte with 1 to {len(names)}, or an expression such as 'a and not b'"
        )
    if kind is Kind.TEMPORAL_ORDERED and least != len(names):
        raise RuleError(f"correlation.condition: found {compare}: {count}; temporal_ordered needs all of its rules")
    return Need(int(least), tuple(Seen(name) for name in names))


def _threshold(kind: Kind, condition: SigmaCorrelationCondition) -> Threshold:
    found = condition.fieldref
    fields = _names([found] if isinstance(found, str) else found or [], "condition.field")
    if kind is Kind.EVENT_COUNT and fields:
        raise RuleError("correlation.condition.field: event_count counts events; use value_count for values")
    if len(fields) > 1 and kind is not Kind.VALUE_COUNT:
        raise RuleError(f"correlation.condition.field: {kind} measures one field, found {len(fields)}")
    percentile = condition.percentile
    if kind is Kind.VALUE_PERCENTILE and (percentile is None or not 0 <= percentile <= 100):
        raise RuleError(f"correlation.condition.percentile: found {percentile}, expected 0 to 100")
    if kind is not Kind.VALUE_PERCENTILE and percentile is not None:
        raise RuleError(f"correlation.condition.percentile: belongs to value_percentile, not to {kind}")
    compare = Compare(condition.op.name.lower())
    return Threshold(compare, condition.count, fields, 50 if percentile is None else percentile)


def _term(node: Any, *, absent: bool) -> Term:
    """pySigma's tree with every ``not`` pushed down: not (a and b) is not a or not b."""
    match node:
        case SigmaRuleReference(reference=name):
            return Seen(name, absent)
        case CorrelationConditionNOT(args=[arg]):
            return _term(arg, absent=not absent)
        case CorrelationConditionAND(args=args) | CorrelationConditionOR(args=args):
            every = isinstance(node, CorrelationConditionAND) is not absent
            terms = tuple(_term(arg, absent=absent) for arg in args)
            return Need(len(terms) if every else 1, terms)
    raise RuleError(f"correlation.condition: {type(node).__name__} cannot be evaluated")
