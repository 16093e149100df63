"""Which log types a rule's log source means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import LogType
from mantissa_core.model.log_type import LogSource

_PARTS = ("product", "service", "category")


def answers(offered: LogSource, asked: LogSource) -> bool:
    """Whether events of ``offered`` are what a rule for ``asked`` is about.

    Every part that both name is equal (case aside), and there is one: a part that one of them leaves out is any.
    """
    pairs = [(getattr(offered, part), getattr(asked, part)) for part in _PARTS]
    both = [(one.lower(), two.lower()) for one, two in pairs if one and two]
    return bool(both) and all(one == two for one, two in both)


def log_types_of(rule: Rule, log_types: Iterable[LogType]) -> list[LogType]:
    """The log types that the rule applies to; none where its source is not installed."""
    return [each for each in log_types if any(answers(source, rule.logsource) for source in each.sigma.logsources)]


def routed(rules: Iterable[Rule], log_types: Iterable[LogType]) -> Mapping[str, list[Rule]]:
    """Rules by the table that they read; a rule may read several, or none."""
    known = list(log_types)
    by_table: dict[str, list[Rule]] = {}
    for rule in rules:
        for log_type in log_types_of(rule, known):
            by_table.setdefault(log_type.table, []).append(rule)
    return by_table
