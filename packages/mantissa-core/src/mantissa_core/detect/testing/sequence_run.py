"""Correlations' own tests, run: every event through the matcher, every match through the correlations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.detect.correlate.hits import Hit
from mantissa_core.detect.correlate.replay import replayed, result_hit
from mantissa_core.detect.correlate.standing import needed, span_text, summary
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType, Signal

from .played import START, Meeting, hits_of, play
from .sequence_tests import SequenceTest, sequences_of

SHOWN = 20
"""Events, and groups, of a failed test that are shown."""


@dataclass(frozen=True, slots=True)
class SequenceVerdict:
    """What came of one test of a correlation.

    ``got`` is when it fired and for which group; ``explanation`` shows the sequence, what fired and what was missing.
    ``problem`` says why there is no answer.
    """

    rule: Correlation
    test: SequenceTest
    got: tuple[tuple[timedelta, Mapping[str, str]], ...] = ()
    explanation: tuple[str, ...] = ()
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether the correlation did what the test expects."""
        return not self.problem and fits(self.test, [group for _, group in self.got])


def fits(test: SequenceTest, groups: Sequence[Mapping[str, str]]) -> bool:
    """Whether results for these groups are what the test expects."""
    if bool(groups) is not test.match or (test.times is not None and len(groups) != test.times):
        return False
    return test.groups is None or _distinct(groups) == _distinct(test.groups)


def run_sequences(rules: RuleSet, log_types: Sequence[LogType]) -> Iterator[SequenceVerdict]:
    """Run the tests beside the correlations.

    Raises:
        RuleError: a test file is broken.
    """
    for correlation in rules.correlations:
        for test in sequences_of(correlation):
            try:
                yield _verdict(correlation, test, rules, log_types)
            except RuleError as error:
                yield SequenceVerdict(correlation, test, problem=str(error))


def fired(
    chain: Sequence[Correlation], hits: Sequence[Hit]
) -> tuple[list[tuple[timedelta, Mapping[str, str]]], list[Hit]]:
    """When the last correlation of ``chain`` fires and for which group; and all hits, those of the others included."""
    top, known, found = chain[-1], list(hits), []
    for correlation, signal in replayed(chain, hits):
        if correlation.id == top.id:
            found.append((signal.time - START, _group(top, signal)))
        else:
            known.append(result_hit(signal))
    return sorted(found, key=lambda each: (each[0], sorted(each[1].items()))), known


def _verdict(
    correlation: Correlation, test: SequenceTest, rules: RuleSet, log_types: Sequence[LogType]
) -> SequenceVerdict:
    plain, chain = rules.below(correlation)
    meetings = play(test, plain, log_types)
    got, hits = fired(chain, hits_of(meetings))
    verdict = SequenceVerdict(correlation, test, tuple(got))
    if verdict.passed:
        return verdict
    return SequenceVerdict(correlation, test, tuple(got), tuple(_explained(verdict, meetings, hits)))


def _explained(verdict: SequenceVerdict, meetings: Sequence[Meeting], hits: Sequence[Hit]) -> Iterator[str]:
    rule = verdict.rule
    order = sorted(enumerate(verdict.test.steps), key=lambda pair: (pair[1].at, pair[0]))
    for number, step in order[:SHOWN]:
        matched = [each for each in meetings if each.number == number and each.matched]
        told = ", ".join(each.rule.title for each in matched) or "no rule matches"
        kept = {name: ", ".join(texts) for each in matched for name, texts in each.signal.fields.items()}
        fields = ", ".join(f"{name}={text}" for name, text in kept.items())
        yield f"{span_text(step.at):>8}  {told}{f' ({fields})' if fields else ''}"
    if len(order) > SHOWN:
        yield f"          and {len(order) - SHOWN} events more"
    yield f"needs {needed(rule)} within {span_text(rule.timespan)}" + (
        f" by {', '.join(rule.group_by)}" if rule.group_by else ""
    )
    yield from summary(rule, _clock, hits, SHOWN)


def _clock(moment: datetime) -> str:
    return span_text(moment - START)


def _group(correlation: Correlation, signal: Signal) -> Mapping[str, str]:
    return {name: ", ".join(signal.fields.get(name, ())) for name in correlation.group_by}


def _distinct(groups: Sequence[Mapping[str, str]]) -> set[tuple[tuple[str, str], ...]]:
    return {tuple(sorted(each.items())) for each in groups}
