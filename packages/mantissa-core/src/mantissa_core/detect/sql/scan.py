"""Many rules in few statements: engines that bill bytes bill a scan, not a rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mantissa_core.detect.rules import Rule
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType

from .dialect import Dialect
from .statement import Span, shared, statement

MOST_RULES = 100
LARGEST = 200_000
"""Bytes of a statement: Athena takes 262,144."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Rules that are evaluated by one statement."""

    rules: tuple[Rule, ...]
    sql: str


@dataclass(slots=True)
class Plan:
    """The scans that evaluate all rules but those in ``refused``, which say why."""

    scans: list[Scan] = field(default_factory=list)
    refused: list[tuple[Rule, RuleError]] = field(default_factory=list)


class Planner:
    """Makes scans of one log type's rules for one dialect."""

    def __init__(
        self, dialect: Dialect, log_type: LogType, *, most_rules: int = MOST_RULES, largest: int = LARGEST
    ) -> None:
        self._dialect, self._log_type = dialect, log_type
        self._most, self._largest = most_rules, largest

    def plan(self, rules: Sequence[Rule], *, table: str = "", span: Span | None = None) -> Plan:
        """Cluster the rules by the fields they touch, and fill scans up to the limits."""
        plan = Plan()
        expressible = []
        for rule in rules:
            try:
                statement(rule, self._dialect, self._log_type, table=table, span=span)
            except RuleError as error:
                plan.refused.append((rule, error))
            else:
                expressible.append(rule)
        expressible.sort(key=lambda rule: (_pinned(rule), sorted(rule.touched), rule.id))
        for start in range(0, len(expressible), self._most):
            plan.scans += self._fitting(expressible[start : start + self._most], table, span)
        return plan

    def halved(self, scan: Scan, *, table: str = "", span: Span | None = None) -> list[Scan]:
        """Two scans for one whose statement an engine's compiler found too large.

        Raises:
            RuleError: the scan has one rule only.
        """
        if len(scan.rules) < 2:
            raise RuleError(f"the SQL of {scan.rules[0].id} alone is too large for {self._dialect.name}")
        middle = len(scan.rules) // 2
        halves = (scan.rules[:middle], scan.rules[middle:])
        return [each for half in halves for each in self._fitting(half, table, span)]

    def _fitting(self, rules: Sequence[Rule], table: str, span: Span | None) -> Iterator[Scan]:
        sql = shared(rules, self._dialect, self._log_type, table=table, span=span)
        scan = Scan(tuple(rules), sql)
        if len(sql.encode()) > self._largest and len(rules) > 1:
            yield from self.halved(scan, table=table, span=span)
        else:
            yield scan


def _pinned(rule: Rule) -> tuple[str, ...]:
    """Rules with a pin come first, so that whole scans have one, and those with the same field together."""
    fields = sorted(str(pin.field) for pin in rule.pins)
    return tuple(fields) or ("\U0010ffff",)
