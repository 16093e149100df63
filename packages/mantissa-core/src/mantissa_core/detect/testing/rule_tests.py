"""Rules with the events that they must and must not match: ``<rule>.tests.yml`` beside ``<rule>.yml``.

.. code-block:: yaml

    tests:
      - name: an access key for another user
        match: true
        event: {eventName: CreateAccessKey}

Correlations have sequences of events: :mod:`.sequence_tests`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mantissa_core.detect.match.evaluate import Explanation, evaluate, explain
from mantissa_core.detect.match.matcher import Matcher
from mantissa_core.detect.match.route import log_types_of
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType
from mantissa_core.parse.rows import RowBuilder

from .entries import read_entries


@dataclass(frozen=True, slots=True)
class RuleTest:
    """An event as the vendor sends it, and whether the rule must match it."""

    name: str
    match: bool
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one test on one log type. ``problem`` says why there is no answer (``got`` is then ``None``)."""

    rule: Rule
    test: str
    expected: bool
    got: bool | None
    log_type: str
    explanation: Explanation
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether the rule did what the test expects, in the evaluator and in the matcher."""
        return self.got is self.expected


def tests_of(rule: Rule) -> list[RuleTest]:
    """The tests that stand beside the rule's file; none where there is no such file.

    Raises:
        RuleError: the file is broken; names it and the test.
    """
    return read_entries(rule, "event", _test)


def run_tests(rules: Iterable[Rule], log_types: Iterable[LogType]) -> Iterator[Verdict]:
    """Run the rules' own tests through the reference evaluator and through rows and the matcher.

    Rules whose log source no log type answers to are run by the evaluator alone.

    Raises:
        RuleError: a test file is broken.
    """
    cases = [(rule, test) for rule in rules for test in tests_of(rule)]
    known = list(log_types)
    for log_type in known:
        own = [(rule, test) for rule, test in cases if log_type in log_types_of(rule, known)]
        if own:
            yield from _verdicts(own, log_type)
    for rule, test in cases:
        if not log_types_of(rule, known):
            got = evaluate(rule, test.event)
            yield Verdict(rule, test.name, test.match, got, "", explain(rule, test.event))


def _verdicts(cases: Sequence[tuple[Rule, RuleTest]], log_type: LogType) -> Iterator[Verdict]:
    matched, dead = _matched(cases, log_type)
    for number, (rule, test) in enumerate(cases):
        explanation = explain(rule, test.event, log_type)
        got: bool | None = number in matched
        problem = dead.get(number, "")
        if not problem and got is not explanation.matched:
            problem = f"the evaluator says {explanation.matched}, the matcher {got}: please report this"
        yield Verdict(rule, test.name, test.match, None if problem else got, log_type.name, explanation, problem)


def _matched(cases: Sequence[tuple[Rule, RuleTest]], log_type: LogType) -> tuple[set[int], dict[int, str]]:
    """The cases whose rule matches their event's row, and why others have no row."""
    records = [json.dumps(test.event).encode() for _, test in cases]
    with RowBuilder(log_type) as builder:
        # The origin makes the ids; a test's event may be of any age.
        parsed = builder.build(
            records,
            range(len(records)),
            origin="rule tests",
            source="rule-tests",
            ingest_time=datetime.now(UTC),
            retention_days=36_500,
        )
    dead = {letter.position: f"the event is no {log_type.name} record: {letter.reason}" for letter in parsed.dead}
    places = [number for number in range(len(cases)) if number not in dead]
    rules = list({rule.id: rule for rule, _ in cases}.values())
    matched: set[int] = set()
    for batch in parsed.rows.combine_chunks().to_batches():
        for hits in Matcher(rules, log_type).match(batch):
            if hits.error is not None:
                raise RuleError(f"{hits.rule.source}: {hits.error}") from hits.error
            rows = (places[row] for row in hits.rows.to_pylist())
            matched.update(place for place in rows if cases[place][0].id == hits.rule.id)
    return matched, dead


def _test(entry: Mapping[str, Any]) -> RuleTest:
    name, match = str(entry.get("name", "")), entry.get("match")
    if not isinstance(match, bool):
        raise RuleError(f"{name}: match: found {match!r}, expected true or false")
    return RuleTest(name, match, plain_event(name, entry["event"]))


def plain_event(name: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """An event of a test file as JSON has it.

    Raises:
        RuleError: it has what JSON has not, such as a date; names the test.
    """
    try:
        return dict(json.loads(json.dumps(event, allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise RuleError(f"{name}: event: {error}; put dates in quotes") from error
