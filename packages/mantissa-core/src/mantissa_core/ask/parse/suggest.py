"""The nearest questions that have an answer, for one that has none; each of them was read and is understood."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

from .lexicon import Lexicon
from .spelling import near
from .tokens import tokens
from .understood import Abstained

EXAMPLES = (
    "failed logins in the last 24 hours",
    "which users have the most MFA failures this month?",
    "how many logins per hour today",
    "when was the last time root was used?",
)
"""Questions that are understood, to begin with."""
_MOST = 3
_TRIED = 5
"""Candidates that are read at most."""
_USUAL = "in the last 7 days"
_DANGLING = re.compile(
    r"(?:\s+(?:the|a|an|by|from|of|with|in|on|for|and|or|to|via|using|as|that|who|which|were|was|are|is))+\s*$",
    re.IGNORECASE,
)
_LEADING = r"(?:\b(?:by|from|of|with|in|on|for|to|via|using|as)\s+)?(?:\b(?:the|a|an|our|any|some)\s+)?"


def suggestions(
    question: str, when: str, abstained: Abstained, lexicon: Lexicon, understood: Callable[[str], bool]
) -> tuple[str, ...]:
    """Questions near this one, the nearest first. ``when`` is the time that it names; ``understood`` reads one."""
    tried = islice(dict.fromkeys(_candidates(question, when or _USUAL, abstained, lexicon)), _TRIED)
    near_ones = tuple(islice((each for each in tried if understood(each)), _MOST))
    return near_ones or tuple(each for each in EXAMPLES if understood(each))


def _candidates(question: str, when: str, abstained: Abstained, lexicon: Lexicon) -> Iterator[str]:
    asked = question.strip().rstrip("?.! ")
    for source in abstained.sources:
        yield f"{asked} in {source}"
    corrected = asked
    for word in abstained.unknown:
        if close := near(word, lexicon.beginning_as(word), 0.8, 4):
            corrected = _with(corrected, re.escape(word), close)
    if corrected != asked:
        yield corrected
    yield from _shorter(asked, abstained.unknown, lexicon)
    yield from (f"{phrase} {when}" for phrase in _alike(asked, lexicon))


def _shorter(asked: str, unknown: tuple[str, ...], lexicon: Lexicon) -> Iterator[str]:
    """The question without what was not understood, where that is no verb."""
    if not unknown or any(list(lexicon.verbs.begins(tokens(each))) for each in unknown):
        return
    rest = asked
    for word in unknown:
        rest = _with(rest, _LEADING + r"\b" + re.escape(word), " ")
    rest = re.sub(r"\s+", " ", _DANGLING.sub("", rest)).strip(" ,")
    if len(rest.split()) > 1:
        yield rest


def _with(text: str, pattern: str, other: str) -> str:
    return re.sub(rf"(?<!\w){pattern}(?:'s)?(?!\w)", other, text, flags=re.IGNORECASE)


def _alike(asked: str, lexicon: Lexicon) -> list[str]:
    """Events that share words with the question, nouns and rare words before others; none twice."""
    read = tokens(asked)
    said = {word: 1.0 for token in read for word in token.words}
    said |= {means: 0.3 for token in read for verb in lexicon.verbs.begins([token]) for means in verb.means}
    scores: Counter[tuple[str, ...]] = Counter()
    for word, weight in said.items():
        small = lexicon.entries.get((word,), ())
        keys = () if any(each.kind in ("stop", "frame") for each in small) else lexicon.events_with(word)
        for key in keys:
            scores[key] += weight * (1 + len(lexicon.events) / (20 * len(keys))) ** 0.5 / len(key) ** 0.5
    found: dict[object, str] = {}
    for key, _ in sorted(scores.items(), key=lambda each: (-each[1], len(each[0]), each[0]))[: 3 * _TRIED]:
        found.setdefault(lexicon.entries[key][0].value, lexicon.events[key])
    return list(found.values())[:_TRIED]
