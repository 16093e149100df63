"""Many rules in few statements: engines that bill bytes bill a scan, not a rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mantissa_core.detect.rules.rule import Rule
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType

from .dialect import Dialect
from .row import Row, Span
from .statement import shared

MOST_RULES = 100


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
        self, dialect: Dialect, log_type: LogType, *, most_rules: int = MOST_RULES, largest: int | None = None
    ) -> None:
        self._dialect, self._log_type = dialect, log_type
        self._most, self._largest = most_rules, largest or dialect.largest

    def plan(self, rules: Sequence[Rule], *, table: str = "", span: Span | None = None) -> Plan:
        """Cluster the rules by the fields they touch, and fill scans up to the limits."""
        plan = Plan()
        row, bytes_of = Row(self._dialect, self._log_type), {}
        for rule in rules:
            try:
                bytes_of[rule.id] = row.bytes_of(rule.ir)
            except RuleError as error:
                plan.refused.append((rule, error))
        expressible = [rule for rule in rules if rule.id in bytes_of]
        expressible.sort(key=lambda rule: (_pinned(rule), sorted(rule.touched), rule.id))
        for fitting in self._packed(expressible, bytes_of):
            self._fill(plan, fitting, table, span)
        return plan

    def _packed(self, rules: Sequence[Rule], bytes_of: Mapping[str, dict[str, int]]) -> Iterator[list[Rule]]:
        """Rules in their order, as many together as the limits allow by what each of them needs."""
        packed: list[Rule] = []
        parts: dict[str, int] = {}
        for rule in rules:
            together = parts | bytes_of[rule.id]
            if packed and (len(packed) == self._most or sum(together.values()) > self._largest):
                yield packed
                packed, together = [], dict(bytes_of[rule.id])
            packed.append(rule)
            parts = together
        if packed:
            yield packed

    def halved(self, scan: Scan, *, table: str = "", span: Span | None = None) -> list[Scan]:
        """Two scans for one whose statement an engine's compiler found too large.

        Raises:
            RuleError: the scan has one rule only.
        """
        if len(scan.rules) < 2:
            raise RuleError(f"the SQL of {scan.rules[0].id} alone is too large for {self._dialect.name}")
        plan = Plan()
        self._halve(plan, scan.rules, table, span)
        return plan.scans

    def _fill(self, plan: Plan, rules: Sequence[Rule], table: str, span: Span | None) -> None:
        """One scan, or more where it is too large. A rule whose statement does not read back is refused alone."""
        try:
            sql = shared(rules, self._dialect, self._log_type, table=table, span=span)
        except RuleError as error:
            if len(rules) == 1:
                plan.refused.append((rules[0], error))
                return
        else:
            if len(sql.encode()) <= self._largest or len(rules) == 1:
                plan.scans.append(Scan(tuple(rules), sql))
                return
        self._halve(plan, rules, table, span)

    def _halve(self, plan: Plan, rules: Sequence[Rule], table: str, span: Span | None) -> None:
        middle = len(rules) // 2
        for half in (rules[:middle], rules[middle:]):
            self._fill(plan, half, table, span)


def _pinned(rule: Rule) -> tuple[str, ...]:
    """Rules with a pin come first, so that whole scans have one, and those with the same field together."""
    fields = sorted(str(pin.field) for pin in rule.pins)
    return tuple(fields) or ("\U0010ffff",)
