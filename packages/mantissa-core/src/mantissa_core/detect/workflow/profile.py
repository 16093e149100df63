"""What each rule costs: its time alone over a number of events, and what makes it slow."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.detect.correlate.hits import Hit
from mantissa_core.detect.correlate.replay import match_hit, replayed, result_hit
from mantissa_core.detect.ir.derive import has_keywords, predicates
from mantissa_core.detect.ir.tree import Op
from mantissa_core.detect.match.bind import bind, undeclared
from mantissa_core.detect.match.matcher import Matcher
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.model import LogType, Signal

_DEAR = {Op.REGEX: "regular expressions", Op.WILDCARD: "wildcards inside of texts", Op.CIDR: "networks"}


@dataclass
class Cost:
    """One rule on one log type, or a correlation (whose ``events`` are the matches that it is about).

    ``seconds`` is the time of evaluating it alone, without reading the rows.

    Rules that run together share work, so all of them take less than the sum. ``reasons`` say what makes the rule
    slow, worst first; none where nothing does.
    """

    rule: Rule | Correlation
    log_type: str
    reasons: tuple[str, ...]
    events: int = 0
    matches: int = 0
    seconds: float = 0.0


class Profile:
    """Rules of one log type, measured on as many batches as are added. Take the columns from :attr:`columns`."""

    def __init__(self, rules: Sequence[Rule], log_type: LogType) -> None:
        self.together = 0.0
        """Seconds that all rules took in one go, as they run."""
        self._all = Matcher(rules, log_type)
        self._each = [(Matcher([rule], log_type), Cost(rule, log_type.name, reasons(rule, log_type))) for rule in rules]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rules need of every row."""
        return self._all.columns

    @property
    def costs(self) -> list[Cost]:
        """What the rules cost so far, most expensive first."""
        return sorted((cost for _, cost in self._each), key=lambda each: (-each.seconds, each.rule.title))

    def add(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Evaluate the rules on these rows, together and one by one."""
        for rows in batches:
            self.together += _timed(self._all, rows)[0]
            for matcher, cost in self._each:
                seconds, matches = _timed(matcher, rows)
                cost.seconds += seconds
                cost.matches += matches
                cost.events += len(rows)


def correlation_costs(correlations: Sequence[Correlation], signals: Iterable[Signal]) -> list[Cost]:
    """What linked correlations cost over the signals of the rules that they refer to, in their order."""
    hits: dict[str, list[Hit]] = {}
    for signal in signals:
        hits.setdefault(signal.rule_id, []).append(match_hit(signal))
    costs = []
    for each in correlations:
        below = [hit for rule_id in dict.fromkeys(each.ids.values()) for hit in hits.get(rule_id, ())]
        begin = time.perf_counter()
        found = [signal for _, signal in replayed([each], below)]
        seconds = time.perf_counter() - begin
        hits[each.id] = [result_hit(signal) for signal in found]
        costs.append(Cost(each, "", (), len(below), len(found), seconds))
    return costs


def _timed(matcher: Matcher, rows: pa.RecordBatch) -> tuple[float, int]:
    begin = time.perf_counter()
    matches = sum(len(hits.rows) for hits in matcher.match(rows))
    return time.perf_counter() - begin, matches


def reasons(rule: Rule, log_type: LogType) -> tuple[str, ...]:
    """What makes the rule slow on this log type, worst first."""
    found = []
    if has_keywords(rule.ir):
        found.append("keywords: whole events are searched")
    if unknown := undeclared(rule.touched, log_type):
        found.append(f"not declared, read from JSON text: {', '.join(unknown)}")
    if inside := _inside_json(rule, log_type, unknown):
        found.append(f"inside of JSON columns, without a column: {', '.join(inside)}")
    if not any(pin.field is not None and bind(pin.field, log_type).column is not None for pin in rule.pins):
        told = "no witness either" if rule.witnesses is None else "but a witness"
        found.append(f"no pin ({told}): every match must imply that a declared field equals one of a few texts")
    dear = {_DEAR[each.op] for each in predicates(rule.ir) if each.op in _DEAR}
    return (*found, *sorted(dear))


def _inside_json(rule: Rule, log_type: LogType, unknown: Sequence[str]) -> list[str]:
    return [name for name in rule.touched if name not in unknown and bind(name, log_type).column is None]
