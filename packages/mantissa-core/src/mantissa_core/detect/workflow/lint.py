"""What is wrong with rules, or could be better, without an event in sight."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, TypeVar

from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.detect.ir.derive import has_keywords
from mantissa_core.detect.ir.possible import can_match
from mantissa_core.detect.ir.text import fold
from mantissa_core.detect.ir.tree import And, Node, Not, Op, Or, Predicate
from mantissa_core.detect.match.bind import undeclared
from mantissa_core.detect.match.route import answers, log_types_of
from mantissa_core.detect.rules.lines import file_of, line_of, line_of_field
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.sql_rules import SqlRule
from mantissa_core.detect.sql_rules.trial import SqlTest, sql_tests_of
from mantissa_core.detect.testing.rule_tests import RuleTest, tests_of
from mantissa_core.detect.testing.sequence_tests import SequenceTest, sequences_of
from mantissa_core.errors import RuleError
from mantissa_core.lake.views import view_names
from mantissa_core.model import LogType
from mantissa_core.model.attack import techniques, unknown_tags

R = TypeVar("R", Rule, Correlation, SqlRule)

OWN_TABLES = frozenset({"signals", "dead_letter"})
"""Tables that are no log type's."""


class Level(StrEnum):
    """How bad a problem is: the rule does not work; it may not do what it should; it could be better."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to mend. ``check`` names what found it, ``line`` counts from 1, ``rule`` is an id, if known."""

    check: str
    level: Level
    message: str
    file: str
    line: int | None = None
    rule: str = ""


def lint(rules: RuleSet, log_types: Sequence[LogType]) -> list[Problem]:
    """Check the rules, those that did not load included, against what is installed; by file and line."""
    from .lint_filters import filter_problems
    from .lint_sigma import sigma_problems

    found = [
        *_broken(rules),
        *(problem for rule in rules.rules for problem in _of(rule, log_types)),
        *(problem for each in rules.correlations for problem in (*_tests(each, sequences_of), *_words(each))),
        *(problem for each in rules.queries for problem in _of_query(each, log_types)),
        *_duplicates(rules.rules),
        *filter_problems(rules, log_types),
        *_form(rules),
        *sigma_problems(rules.rules),
    ]
    return sorted(found, key=lambda each: (each.file, each.line or 0, list(Level).index(each.level), each.check))


def _broken(rules: RuleSet) -> Iterator[Problem]:
    for file, error in rules.broken.items():
        text = str(error).removeprefix(f"{file}: ")
        line = re.match(r"line (\d+): ", text)
        told = text[line.end() :] if line else text
        yield Problem("does-not-load", Level.ERROR, told, file_of(file), int(line[1]) if line else None)


def _form(rules: RuleSet) -> Iterator[Problem]:
    """What is not as the schema of Sigma documents wants it, in the files of which something loaded."""
    from mantissa_core.detect.rules.schema import flaws_of

    files = {file_of(each.source): each.text for each in (*rules.all, *rules.filters)}
    for file, flaw in flaws_of(files):
        yield Problem("schema", Level.ERROR, flaw.message, file, flaw.line)


def _of(rule: Rule, log_types: Sequence[LogType]) -> Iterator[Problem]:
    yield from _reach(rule, log_types)
    yield from _speed(rule)
    yield from _tests(rule, tests_of)
    yield from _words(rule)


def _reach(rule: Rule, log_types: Sequence[LogType]) -> Iterator[Problem]:
    """Whether events can get to the rule, and have what it asks for."""
    own = log_types_of(rule, log_types)
    if not own:
        yield _problem(
            rule, "no-log-type", Level.WARNING, "no installed log type answers to its log source: it never fires",
            line_of(rule, "logsource"),
        )  # fmt: skip
        return
    names = ", ".join(each.name for each in own)
    dead = set.intersection(*(set(undeclared(rule.touched, each)) for each in own))
    for field in (each for each in rule.touched if each in dead):
        yield _problem(
            rule, "dead-field", Level.WARNING,
            f"{field} is declared by none of the log types it applies to ({names}): looking for it is slow, "
            "and most likely no event has it",
            line_of_field(rule, field),
        )  # fmt: skip
    if not can_match(rule.ir, dead):
        why = "without the fields that no log type declares" if dead else "its conditions exclude each other"
        yield _problem(
            rule, "never-fires", Level.ERROR, f"no event can match: {why}", line_of(rule, "detection", "condition")
        )


def _speed(rule: Rule) -> Iterator[Problem]:
    if not rule.pins and rule.witnesses is None:
        why = "keywords are looked for in whole events" if has_keywords(rule.ir) else "no field must have a known text"
        yield _problem(rule, "slow", Level.HINT, f"every event is evaluated: {why}", line_of(rule, "detection"))


def _tests(rule: R, look: Callable[[R], Sequence[RuleTest | SequenceTest | SqlTest]]) -> Iterator[Problem]:
    try:
        tests = look(rule)
    except RuleError as error:
        yield _problem(rule, "broken-tests", Level.ERROR, str(error))
        return
    if not tests:
        if not rule.silent:  # else its correlation's tests are its own
            yield _problem(rule, "no-tests", Level.WARNING, "no tests stand beside it")
    elif len({test.match for test in tests}) == 1:
        what = "sequence" if isinstance(rule, Correlation) else "event"
        other = "that it must not match" if tests[0].match else "that it must match"
        yield _problem(rule, "one-sided-tests", Level.WARNING, f"its tests have no {what} {other}")


def _of_query(rule: SqlRule, log_types: Sequence[LogType]) -> Iterator[Problem]:
    known = {name for each in log_types for name in (each.table, *view_names(each))} | OWN_TABLES
    for name in (each for each in rule.tables if each not in known):
        yield _problem(
            rule, "no-table", Level.ERROR, f"no installed log type has a table or view {name}: every run fails",
            line_of(rule, "query"),
        )  # fmt: skip
    if rule.timing and rule.parameters and not rule.timing.overlaps and "m_ingest_time" not in rule.query:
        yield _problem(
            rule, "no-overlap", Level.HINT,
            "its windows do not overlap: an event that is committed after its window was looked at is missed; make the "
            "window longer than the schedule's interval",
            line_of(rule, "window"),
        )  # fmt: skip
    yield from _tests(rule, sql_tests_of)
    yield from _words(rule)


def _words(rule: Rule | Correlation | SqlRule) -> Iterator[Problem]:
    for warning in rule.warnings:
        yield _problem(rule, "accepted", Level.WARNING, warning, line_of(rule, warning.partition(":")[0]))
    if rule.silent:
        return  # a part of a correlation: nobody is told about it
    if not rule.description:
        yield _problem(rule, "no-description", Level.WARNING, "no description: say what happened and why it matters")
    if not rule.falsepositives:
        yield _problem(rule, "no-falsepositives", Level.HINT, "no false positives: say who does this legitimately")
    if unknown := unknown_tags(rule.tags):
        yield _problem(
            rule, "attack-tag", Level.WARNING, f"no tactic or technique: {', '.join(unknown)}", line_of(rule, "tags")
        )
    if not techniques(rule.tags):
        yield _problem(
            rule, "no-technique", Level.HINT, "no ATT&CK technique among its tags: coverage cannot count it",
            line_of(rule, "tags"),
        )  # fmt: skip


def _duplicates(rules: Iterable[Rule]) -> Iterator[Problem]:
    """Rules that detect the same in the same events: everything alerts twice."""
    seen: dict[_Shape, list[Rule]] = {}
    for rule in rules:
        others = seen.setdefault(_shape(rule.ir), [])
        for other in others:
            if answers(other.logsource, rule.logsource):
                yield _problem(
                    rule, "duplicate", Level.WARNING, f"detects the same as {other.title} ({other.id})",
                    line_of(rule, "detection"),
                )  # fmt: skip
                break
        others.append(rule)


_Shape: TypeAlias = tuple[object, ...]


def _shape(node: Node) -> _Shape:
    """The tree without what makes no difference: the order of alternatives, and case where it is ignored."""
    match node:
        case Not(child):
            return ("not", _shape(child))
        case And(children) | Or(children):
            return (type(node).__name__, frozenset(map(_shape, children)))
    return (node.field, node.op, node.cased, frozenset(_value(each, node) for each in node.values))


def _value(value: object, node: Predicate) -> tuple[str, str]:
    plain = node.cased or node.op is Op.REGEX
    return type(value).__name__, str(value) if plain else fold(str(value))


def _problem(
    rule: Rule | Correlation | SqlRule, check: str, level: Level, message: str, line: int | None = None
) -> Problem:
    return Problem(check, level, message, file_of(rule.source), line or line_of(rule), rule.id)
