"""Verdicts counted: by set and system, voice and shape."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import mean
from typing import Any

from ask_features import MEASURES
from ask_judge import Judge, Verdict
from ask_questions import Question

KINDS = ("right", "wrong", "abstained")
OURS, REFERENCE = "parser", "keywords"


@dataclass(frozen=True)
class Scores:
    """What two systems made of a set."""

    name: str
    verdicts: dict[str, list[Verdict]]

    @classmethod
    def of(cls, name: str, questions: list[Question], judge: Judge) -> Scores:
        """Ask both."""
        systems = {OURS: judge.offline, REFERENCE: judge.keywords()}
        return cls(
            name, {label: [judge.judge(each, system) for each in questions] for label, system in systems.items()}
        )

    def parts(self) -> Iterator[tuple[str, str, list[Verdict]]]:
        """Name, system and verdicts of the set, and of those of its questions that are canonical and that are not."""
        for label, verdicts in self.verdicts.items():
            yield self.name, label, verdicts
            for canonical, what in ((True, "canonical shapes"), (False, "paraphrases")):
                if some := [each for each in verdicts if each.question.canonical is canonical]:
                    yield f"{self.name}: {what}", label, some

    def as_json(self) -> dict[str, Any]:
        """For other programs."""
        return {
            "set": self.name,
            "scores": [
                {"part": part, "system": system, "questions": len(some), **_counts(some), **_means(some)}
                for part, system, some in self.parts()
            ],
            "misses": [
                {"id": each.question.id, "verdict": each.verdict, "question": each.question.question, "why": each.why}
                for each in self.verdicts[OURS]
                if each.verdict != "right"
            ],
        }


def misses(scores: Iterable[Scores]) -> Iterator[str]:
    """What our parser did not answer rightly."""
    for score in scores:
        for each in score.verdicts[OURS]:
            if each.verdict != "right":
                yield f"{each.question.id} {each.verdict}: {each.question.question}\n      {each.why}"


def table_of_sets(scores: Iterable[Scores]) -> str:
    """Right, wrong, abstained, and how many of the answers are right."""
    lines = ["| set | system | questions | right | wrong | abstained |", "| --- | --- | --- | --- | --- | --- |"]
    for score in scores:
        for part, system, some in score.parts():
            counts = _counts(some)
            figures = " | ".join(f"{counts[kind]} ({100 * counts[kind] / len(some):.0f} %)" for kind in KINDS)
            lines.append(f"| {part} | {system} | {len(some)} | {figures} |")
    return "\n".join(lines)


def table_of_measures(scores: Iterable[Scores]) -> str:
    """How near the statements of the answered questions come to gold's."""
    lines = [
        "| set | system | answered | it runs | table | columns of conditions | values of conditions | period | form |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for score in scores:
        for part, system, some in score.parts():
            if answered := [each for each in some if each.measures]:
                figures = " | ".join(f"{100 * value:.0f} %" for value in _means(some).values())
                lines.append(f"| {part} | {system} | {len(answered)} | {figures} |")
    return "\n".join(lines)


def table_of_parts(scores: Iterable[Scores], of: str) -> str:
    """Our parser's verdicts by ``voice`` or ``shape`` of the questions, over all sets."""
    parts: dict[str, Counter[str]] = defaultdict(Counter)
    for score in scores:
        for each in score.verdicts[OURS]:
            label = getattr(each.question, of)
            parts[f"{score.name}: {label}" if of == "voice" and label else label or score.name][each.verdict] += 1
    lines = [f"| {of} | right | wrong | abstained |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {part} | {' | '.join(str(counts[kind]) for kind in KINDS)} |" for part, counts in sorted(parts.items())
    ]
    return "\n".join(lines)


def _counts(verdicts: list[Verdict]) -> dict[str, int]:
    counted = Counter(each.verdict for each in verdicts)
    return {kind: counted[kind] for kind in KINDS}


def _means(verdicts: list[Verdict]) -> dict[str, float]:
    """The mean of each measure over the statements; of those that did not run only ``valid`` counts."""
    known = [each.measures for each in verdicts if each.measures]
    return {
        name: mean(values)
        for name in ("valid", *MEASURES)
        if (values := [each[name] for each in known if name in each])
    }
