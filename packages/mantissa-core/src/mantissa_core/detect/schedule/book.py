"""Which rules run by a schedule: those that say so in their file, and those that were told by command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from mantissa_core.detect.sql_rules import SqlRule
from mantissa_core.errors import RuleError
from mantissa_core.state.documents import State

from .timing import Timing, parse_timing

if TYPE_CHECKING:
    from mantissa_core.detect.rules.rule import Rule
    from mantissa_core.detect.rules.rule_set import RuleSet

    Schedulable: TypeAlias = Rule | SqlRule

SCHEDULES = "schedules"
"""The state partition: what was said by command, by the rule's id."""

CHANGES = 20
"""Changes of a schedule that are remembered."""

_OWN = ("schedule_expression", "window", "enabled")


@dataclass(frozen=True)
class Scheduled:
    """A rule with the schedule that it has now. ``by_command``: it was made by command, and its file's is passed over.

    ``changes`` are those that commands made, newest last: ``at``, ``by``, and what was set.
    """

    rule: Schedulable
    timing: Timing
    enabled: bool
    by_command: bool
    changes: tuple[Mapping[str, Any], ...] = ()


class ScheduleBook:
    """Rules with their schedules, kept in the state store as far as the rules' files do not say them."""

    def __init__(self, state: State, rules: RuleSet, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._state, self._clock = state, clock
        schedulable: list[Schedulable] = [*rules.rules, *rules.queries]
        self._rules = {each.id: each for each in schedulable}

    def all(self) -> list[Scheduled]:
        """Every rule that has a schedule, by title; disabled ones too."""
        told = {document.key: document.value for document in self._state.scan(SCHEDULES)}
        found = (self._entry(rule, told.get(rule.id, {})) for rule in self._rules.values())
        return sorted((each for each in found if each), key=lambda each: (each.rule.title, each.rule.id))

    def get(self, rule_id: str) -> Scheduled | None:
        """The schedule of one rule, if it has one."""
        document = self._state.get(SCHEDULES, rule_id)
        rule = self._rules.get(rule_id)
        return self._entry(rule, document.value if document else {}) if rule else None

    def create(self, rule_id: str, expression: str, window: str | None, *, enabled: bool, by: str) -> Scheduled:
        """Give a rule a schedule, in place of the one that it had.

        Raises:
            RuleError: there is no such rule, or the expression or the window is malformed.
        """
        parse_timing({"schedule_expression": expression, "window": window})
        return self._change(
            rule_id, by, {"schedule_expression": expression.strip(), "window": window, "enabled": enabled}
        )

    def enable(self, rule_id: str, *, enabled: bool, by: str) -> Scheduled:
        """Let a schedule run, or keep it from running.

        Raises:
            RuleError: the rule has none.
        """
        if self.get(rule_id) is None:
            raise RuleError(f"{rule_id}: the rule has no schedule: create one first")
        return self._change(rule_id, by, {"enabled": enabled})

    def remove(self, rule_id: str) -> bool:
        """Forget what was said by command: what the rule's file says holds again. False where nothing was said."""
        return self._state.get(SCHEDULES, rule_id) is not None and (
            self._state.update(SCHEDULES, rule_id, lambda _old: None) is None
        )

    def _change(self, rule_id: str, by: str, said: Mapping[str, Any]) -> Scheduled:
        if rule_id not in self._rules:
            raise RuleError(f"{rule_id}: no Sigma or SQL rule of that id loaded")
        change = {"at": self._clock().isoformat(timespec="seconds"), "by": by, **said}

        def changed(old: Mapping[str, Any] | None) -> Mapping[str, Any]:
            before = [*old["changes"]] if old else []
            return {**(old or {}), **said, "changes": [*before, change][-CHANGES:]}

        self._state.update(SCHEDULES, rule_id, changed)
        found = self.get(rule_id)
        if found is None:
            raise RuleError(f"{rule_id}: its schedule was removed in the meantime")
        return found

    def _entry(self, rule: Schedulable, told: Mapping[str, Any]) -> Scheduled | None:
        by_command = "schedule_expression" in told
        timing = parse_timing({name: told.get(name) for name in _OWN[:2]}) if by_command else rule.timing
        if timing is None:
            return None
        enabled = rule.enabled if isinstance(rule, SqlRule) else True
        return Scheduled(rule, timing, told.get("enabled", enabled), by_command, tuple(told.get("changes", ())))

    def __iter__(self) -> Iterator[Scheduled]:
        return iter(self.all())
