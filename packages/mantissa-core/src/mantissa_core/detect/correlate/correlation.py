"""A correlation document as data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from mantissa_core.detect.rules.attributes import Stage
from mantissa_core.model import Severity


class Kind(StrEnum):
    """Sigma's correlation types."""

    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"
    VALUE_SUM = "value_sum"
    VALUE_AVG = "value_avg"
    VALUE_PERCENTILE = "value_percentile"
    VALUE_MEDIAN = "value_median"


COUNTS = (Kind.EVENT_COUNT, Kind.VALUE_COUNT)
AMOUNTS = (Kind.VALUE_SUM, Kind.VALUE_AVG, Kind.VALUE_PERCENTILE, Kind.VALUE_MEDIAN)
TEMPORAL = (Kind.TEMPORAL, Kind.TEMPORAL_ORDERED)


class Compare(StrEnum):
    """How a measure relates to its threshold."""

    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    EQ = "eq"
    NEQ = "neq"

    def holds(self, measure: float, threshold: float) -> bool:
        """Whether ``measure`` stands in this relation to ``threshold``."""
        match self:
            case Compare.GT:
                return measure > threshold
            case Compare.GTE:
                return measure >= threshold
            case Compare.LT:
                return measure < threshold
            case Compare.LTE:
                return measure <= threshold
            case Compare.EQ:
                return measure == threshold
            case Compare.NEQ:
                return measure != threshold


@dataclass(frozen=True, slots=True)
class Threshold:
    """A measure compared. ``fields`` are what ``value_*`` types measure, ``percentile`` is 0 to 100."""

    compare: Compare
    value: float
    fields: tuple[str, ...] = ()
    percentile: int = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """A rule (as referred to) has a match in the window; ``absent``: it has none."""

    rule: str
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """At least ``least`` of ``terms`` hold."""

    least: int
    terms: tuple[Term, ...]


Term: TypeAlias = Seen | Need
"""A condition on which rules matched, negations pushed down to the rules."""


def leaves(term: Term) -> tuple[Seen, ...]:
    """Every rule that the term names, in order of appearance."""
    return (term,) if isinstance(term, Seen) else tuple(leaf for each in term.terms for leaf in leaves(each))


@dataclass(frozen=True, eq=False)
class Correlation:
    """A correlation rule. ``rules`` are its references as written, ``ids`` the rules' ids by reference once linked.

    ``aliases`` hold, by name and reference, the field that a name in ``group_by`` or a threshold's ``fields`` means.
    ``silent``: it is referred to by other correlations alone, and opens no alerts.
    """

    id: str
    title: str
    severity: Severity
    kind: Kind
    rules: tuple[str, ...]
    timespan: timedelta
    condition: Threshold | Term
    text: str
    source: str
    name: str = ""
    group_by: tuple[str, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    generate: bool = False
    description: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False
    stage: Stage = Stage.ACTIVE
    owner: str = ""
    alert_window: timedelta | None = None
    modified: str = ""

    @cached_property
    def version(self) -> str:
        """Sixteen hex characters that change with the document's text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @property
    def measured(self) -> tuple[str, ...]:
        """The fields that it measures, as written."""
        return self.condition.fields if isinstance(self.condition, Threshold) else ()

    @property
    def monotone(self) -> bool:
        """Whether more matches can only add results: then each is reported as soon as it is there."""
        if isinstance(self.condition, Threshold):
            return self.kind in COUNTS and self.condition.compare in {Compare.GT, Compare.GTE}
        return not any(leaf.absent for leaf in leaves(self.condition))

    @property
    def ahead(self) -> timedelta:
        """How long after a match it is known whether the match completes the correlation."""
        if isinstance(self.condition, Threshold):
            waits = self.kind in COUNTS and self.condition.compare in {Compare.LT, Compare.LTE}
            return self.timespan if waits else timedelta()
        return timedelta() if self.monotone else self.timespan

    def field_of(self, name: str, rule: str) -> str:
        """The field of ``rule`` (as referred to) that ``name`` means."""
        return self.aliases.get(name, {}).get(rule, name)
