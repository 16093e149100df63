"""Do a correlation's tests notice when it, or a rule that has no tests of its own, is wrong?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.detect.correlate.hits import Hit
from mantissa_core.detect.correlate.mutants import correlation_mutants
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.model import LogType

from .mutate import MOST, Mutation, mutants
from .played import Meeting, hits_of, play
from .rule_tests import tests_of
from .sequence_run import fired, fits
from .sequence_tests import SequenceTest, sequences_of


@dataclass(frozen=True, slots=True)
class _Case:
    """One test and its events as the rules meet them."""

    test: SequenceTest
    meetings: Sequence[Meeting]

    def passes(self, chain: Sequence[Correlation], hits: Sequence[Hit]) -> bool:
        return fits(self.test, [group for _, group in fired(chain, hits)[0]])


def mutate_correlations(rules: RuleSet, log_types: Sequence[LogType]) -> Iterator[Mutation]:
    """Try every correlation's mutants on its tests, and those of the rules below that have no tests of their own.

    Raises:
        RuleError: a test file is broken.
    """
    below: dict[str, list[tuple[Sequence[Correlation], Sequence[_Case]]]] = {}
    for correlation in rules.correlations:
        plain, chain = rules.below(correlation)
        cases = [_Case(test, play(test, plain, log_types)) for test in sequences_of(correlation)]
        mutation = _correlation(correlation, chain, cases)
        if not mutation.skipped:
            for rule in plain:
                below.setdefault(rule.id, []).append((chain, cases))
        yield mutation
    for rule in rules.rules:
        if rule.id in below and not tests_of(rule):
            yield _rule(rule, below[rule.id])


def covered_by_sequences(rules: RuleSet) -> set[str]:
    """The ids of the rules that have no events of their own, but a correlation with sequences above them."""
    found: set[str] = set()
    for correlation in rules.correlations:
        if sequences_of(correlation):
            found.update(rule.id for rule in rules.below(correlation)[0] if not tests_of(rule))
    return found


def _correlation(correlation: Correlation, chain: Sequence[Correlation], cases: Sequence[_Case]) -> Mutation:
    if not cases:
        return Mutation(correlation, skipped="it has no tests")
    hits = [hits_of(case.meetings) for case in cases]
    if not all(case.passes(chain, each) for case, each in zip(cases, hits, strict=True)):
        return Mutation(correlation, skipped="its tests fail")
    result = Mutation(correlation)
    for mutant in correlation_mutants(correlation):
        result.tried += 1
        changed = [*chain[:-1], mutant.correlation]
        if all(case.passes(changed, each) for case, each in zip(cases, hits, strict=True)):
            result.survivors.append(mutant.change)
    return result


def _rule(rule: Rule, above: Sequence[tuple[Sequence[Correlation], Sequence[_Case]]]) -> Mutation:
    result, every = Mutation(rule), mutants(rule.ir)
    for mutant in islice(every, MOST):
        result.tried += 1
        if all(
            case.passes(chain, hits_of(case.meetings, rule.id, mutant.tree)) for chain, cases in above for case in cases
        ):
            result.survivors.append(mutant.change)
    result.left = sum(1 for _ in every)
    return result
