"""What is wrong with filters: nobody answers for one, it silences nothing, or it is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

from mantissa_core.detect.ir.derive import fields
from mantissa_core.detect.match.bind import undeclared
from mantissa_core.detect.match.route import log_types_of
from mantissa_core.detect.rules.filters import Filter
from mantissa_core.detect.rules.lines import file_of, line_of, line_of_field
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.model import LogType

from .lint import Level, Problem


def filter_problems(rules: RuleSet, log_types: Sequence[LogType], today: date | None = None) -> Iterator[Problem]:
    """Check every filter of the set against its rules; ``today`` is the present day in UTC by default."""
    for each in rules.filters:
        yield from _words(each, today or datetime.now(UTC).date())
        yield from _reach(each, rules)
        yield from _dead_fields(each, rules, log_types)


def _words(each: Filter, today: date) -> Iterator[Problem]:
    for warning in each.warnings:
        yield _problem(each, "accepted", Level.WARNING, warning, *warning.partition(":")[0].split("."))
    if not each.owner:
        yield _problem(each, "filter-owner", Level.ERROR, "mantissa.owner: missing: who answers for it?", "mantissa")
    if not each.reason:
        yield _problem(each, "filter-reason", Level.ERROR, "mantissa.reason: missing: why is it harmless?", "mantissa")
    if each.expires is None:
        told = "mantissa.expires: missing: on which day shall somebody look at it again?"
        yield _problem(each, "filter-expires", Level.WARNING, told, "mantissa")
    elif not each.applies(today):
        told = f"expired on {each.expires}: it is not applied; extend or remove it"
        yield _problem(each, "filter-expired", Level.WARNING, told, "mantissa", "expires")


def _reach(each: Filter, rules: RuleSet) -> Iterator[Problem]:
    """Whether it is for some rule at all, and for each that it names."""
    own = [rule for rule in rules.rules if each in rule.filters]
    if not each.rules and not own:
        yield _idle(each, "no rule that loaded has its log source", "logsource")
    for reference in each.rules:
        if any(reference in (rule.id, rule.name) for rule in own):
            continue
        if found := next((rule for rule in rules.rules if reference in (rule.id, rule.name)), None):
            yield _idle(each, f"{found.title} ({found.id}) has another log source than the filter", "logsource")
        elif any(reference in (rule.id, rule.name) for rule in rules.correlations):
            yield _idle(each, f"{reference} is a correlation: name the rules that it refers to", "filter", "rules")
        else:
            yield _idle(each, f"{reference} is neither id nor name of a rule that loaded", "filter", "rules")


def _dead_fields(each: Filter, rules: RuleSet, log_types: Sequence[LogType]) -> Iterator[Problem]:
    known = {
        log_type.name: log_type
        for rule in rules.rules
        if each in rule.filters
        for log_type in log_types_of(rule, log_types)
    }
    for field in fields(each.ir) if known else ():
        if all(undeclared([field], log_type) for log_type in known.values()):
            told = (
                f"{field} is declared by none of its rules' log types ({', '.join(known)}): most likely no event has it"
            )
            line = line_of_field(each, field, "filter")
            yield Problem("dead-field", Level.WARNING, told, file_of(each.source), line, each.id)


def _idle(each: Filter, message: str, *place: str) -> Problem:
    return _problem(each, "filter-without-rule", Level.WARNING, message, *place)


def _problem(each: Filter, check: str, level: Level, message: str, *place: str) -> Problem:
    return Problem(check, level, message, file_of(each.source), line_of(each, *place), each.id)
