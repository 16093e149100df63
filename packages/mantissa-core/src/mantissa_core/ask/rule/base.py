"""The Sigma rules below: one for each log that says what is asked for, in that log's own fields."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mantissa_core.ask.plan import Compare, Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.model.log_type import LogSource, LogType

from .detection import detection
from .draft import CannotSay
from .events import event_for
from .native import ALWAYS, NEVER, Both, Native, Tree, both, negated

TO_SQL = "write an SQL rule instead (--sql)"
_PARTS = ("product", "service", "category")
_SPACE = uuid.UUID("0c0a51f5-0d0c-4f57-9b0e-6d6d1b5f4a11")


@dataclass(frozen=True, slots=True)
class Base:
    """What one log says of a plan: when an event of it is meant. ``name`` is for correlations."""

    log_type: LogType
    tree: Tree
    name: str
    source: LogSource

    def detection(self) -> dict[str, Any]:
        """The rule's ``logsource`` and ``detection``."""
        named = {part: getattr(self.source, part) for part in _PARTS if getattr(self.source, part)}
        return {"logsource": named, "detection": detection(self.tree)}

    def event(self, *wanted: Compare) -> dict[str, Any] | None:
        """An event that is meant and for which these hold besides; None where there is none."""
        try:
            tree = both(self.tree, Native(self.log_type).tree(wanted))
        except CannotSay:
            return None
        return event_for(tree, self.log_type)

    def others(self, *wanted: Compare) -> Iterator[dict[str, Any]]:
        """Events that are not meant, each for one reason alone."""
        parts = self.tree.of if isinstance(self.tree, Both) else (self.tree,)
        for number, part in enumerate(parts):
            rest = both(*parts[:number], *parts[number + 1 :], negated(part), Native(self.log_type).tree(wanted))
            if event := event_for(rest, self.log_type):
                yield event


def rule_id(*words: str) -> str:
    """The id of the rule of these words: the same words, the same rule."""
    return str(uuid.uuid5(_SPACE, "\0".join(" ".join(each.lower().split()) for each in words)))


def bases(
    plan: Plan,
    schema: Schema,
    log_types: Iterable[LogType],
    name: str,
    needed: Collection[str] = (),
    *,
    sigma: bool = True,
) -> tuple[list[Base], list[str]]:
    """The rules below, and why other logs of the same view have none. Events need a value for the columns ``needed``.

    Without ``sigma`` it does not matter whether Sigma rules find the log.

    Raises:
        CannotSay: no log can say it in a Sigma rule; names the reasons.
    """
    known = {each.name: each for each in log_types}
    table = schema.tables.get(plan.source)
    if table is None:
        raise CannotSay(f"there is no table {plan.source!r}")
    found, missing = [], list[str]()
    for each in table.log_types:
        own = f"{name}_{known[each].table}" if len(table.log_types) > 1 else name
        try:
            found.append(_base(plan, known[each], known, own, needed, sigma=sigma))
        except CannotSay as error:
            missing.append(error.reason)
    if not found:
        raise CannotSay("; ".join(missing), TO_SQL)
    return found, missing


def _base(
    plan: Plan, log_type: LogType, known: Mapping[str, LogType], name: str, needed: Collection[str], *, sigma: bool
) -> Base:
    native = Native(log_type)
    tree = native.tree(plan.filters)
    if tree == NEVER or any(native.present(each) == NEVER for each in needed):
        raise CannotSay(f"{log_type.title} does not tell that")
    if tree == ALWAYS:
        raise CannotSay(f"that is every event of {log_type.title}: say what happened")
    if not log_type.sigma.logsources:
        if sigma:
            raise CannotSay(f"{log_type.title} has no Sigma log source")
        return Base(log_type, tree, name, LogSource())
    return Base(log_type, tree, name, _source(log_type, known.values()))


def _source(log_type: LogType, known: Iterable[LogType]) -> LogSource:
    """The log source that fewest other logs answer to; the first of those."""
    others = [each for every in known if every is not log_type for each in every.sigma.logsources]
    return min(log_type.sigma.logsources, key=lambda own: sum(_agree(own, each) for each in others))


def _agree(one: LogSource, other: LogSource) -> bool:
    pairs = [(getattr(one, part), getattr(other, part)) for part in _PARTS]
    named = [(a.lower(), b.lower()) for a, b in pairs if a and b]
    return bool(named) and all(a == b for a, b in named)
