"""References between documents: who is meant, what its signals must keep, who stays silent."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from mantissa_core.errors import RuleError

from .correlation import Correlation
from .temporal import order_of

if TYPE_CHECKING:
    from mantissa_core.detect.rules.rule import Rule

    Referable: TypeAlias = Rule | Correlation


def linked(
    rules: Sequence[Rule], correlations: Sequence[Correlation]
) -> tuple[list[Rule], list[Correlation], dict[str, RuleError]]:
    """Resolve every reference.

    Returns the rules (knowing the fields that correlations need of their matches), the correlations that hold, each
    after those that it refers to, and by source why the others do not.
    """
    held, broken = _ordered(rules, correlations)
    loud = {rule for each in held if each.generate for rule in each.ids.values()}
    silent = {rule for each in held for rule in each.ids.values()} - loud
    keeps = _keeps(held)
    return (
        [_told(rule, keeps.get(rule.id, ()), rule.id in silent) for rule in rules],
        [replace(each, silent=each.id in silent) for each in held],
        broken,
    )


def _ordered(
    rules: Sequence[Rule], correlations: Sequence[Correlation]
) -> tuple[list[Correlation], dict[str, RuleError]]:
    """Correlations whose references hold, in their order; a correlation of a broken one is broken too."""
    index = _Index(rules, correlations)
    waiting = {each.id: each for each in correlations}
    held: dict[str, Correlation] = {}
    broken: dict[str, RuleError] = {}
    for each in correlations:
        try:
            waiting[each.id] = index.resolved(each)
        except RuleError as error:
            broken[each.source] = error
            del waiting[each.id]
    known = {rule.id: rule for rule in rules}
    while ready := [each for each in waiting.values() if all(i in known or i in held for i in each.ids.values())]:
        for each in ready:
            del waiting[each.id]
            try:
                _check_fields(each, held)
                order_of(each)
            except RuleError as error:
                broken[each.source] = error
            else:
                held[each.id] = each
    for each in waiting.values():
        broken[each.source] = RuleError(_why(each, waiting))
    return list(held.values()), broken


class _Index:
    """Rules and correlations by id and by name."""

    def __init__(self, rules: Sequence[Rule], correlations: Sequence[Correlation]) -> None:
        known: list[Referable] = [*rules, *correlations]
        self._ids = {each.id for each in known}
        self._names: dict[str, list[Referable]] = {}
        for each in known:
            if each.name:
                self._names.setdefault(each.name, []).append(each)

    def resolved(self, correlation: Correlation) -> Correlation:
        """The correlation with the ids of its references."""
        ids = {name: self._id(name, f"rules, entry {n}") for n, name in enumerate(correlation.rules, start=1)}
        for alias, mapping in correlation.aliases.items():
            for name in mapping:
                if name not in ids:
                    raise RuleError(f"correlation.aliases.{alias}: {name!r} is none of the rules of this correlation")
        if correlation.id in ids.values():
            raise RuleError("correlation.rules: refers to itself")
        return replace(correlation, ids=ids)

    def _id(self, reference: str, place: str) -> str:
        if (found := _plain_id(reference)) in self._ids:
            return found
        named = self._names.get(reference, [])
        if len(named) > 1:
            files = " and ".join(each.source for each in named)
            raise RuleError(f"correlation.{place}: {reference!r} is the name of several rules ({files}): use an id")
        if not named:
            raise RuleError(f"correlation.{place}: {reference!r} is neither id nor name of a rule that loaded")
        return named[0].id


def _plain_id(reference: str) -> str:
    try:
        return str(uuid.UUID(reference))
    except ValueError:
        return reference


def _check_fields(correlation: Correlation, held: Mapping[str, Correlation]) -> None:
    """A correlation's results have the fields that it groups by, and no others."""
    for name, rule_id in correlation.ids.items():
        if (below := held.get(rule_id)) is None:
            continue
        for asked in (*correlation.group_by, *correlation.measured):
            if (found := correlation.field_of(asked, name)) not in below.group_by:
                raise RuleError(
                    f"correlation: {found!r} is no field of the correlation {name!r}, "
                    f"which has those that it groups by: {', '.join(below.group_by) or 'none'}"
                )


def _why(correlation: Correlation, waiting: Mapping[str, Correlation]) -> str:
    path, each = [correlation.id], correlation
    while True:
        below = next((waiting[i] for i in each.ids.values() if i in waiting), None)
        if below is None:
            return "correlation.rules: refers to a correlation that did not load"
        if below.id in path:
            return f"correlation.rules: a circle: {' -> '.join([*path[path.index(below.id) :], below.id])}"
        path.append(below.id)
        each = below


def _keeps(correlations: Sequence[Correlation]) -> dict[str, tuple[str, ...]]:
    """By rule, the fields whose values its signals must keep."""
    found: dict[str, dict[str, None]] = {}
    for rule_id, name in (pair for each in correlations for pair in _asked(each)):
        found.setdefault(rule_id, {})[name] = None
    return {rule_id: tuple(names) for rule_id, names in found.items()}


def _asked(correlation: Correlation) -> Iterator[tuple[str, str]]:
    for reference, rule_id in correlation.ids.items():
        for name in (*correlation.group_by, *correlation.measured):
            yield rule_id, correlation.field_of(name, reference)


def _told(rule: Rule, keeps: tuple[str, ...], silent: bool) -> Rule:
    return rule if (rule.keeps, rule.silent) == (keeps, silent) else replace(rule, keeps=keeps, silent=silent)
