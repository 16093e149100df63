"""Whether a rewritten answer says nothing that the composed one does not: what a language model wrote is not believed.

Everything that looks like a value (a name, an address, a number, an identifier, a path) must stand in the composed
answers, and none of the values there may get lost. What remains to the model are ordinary words. An invented name that
looks like one of those (``bob`` in lower case) is not recognised.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise

from .plain import plain

LONGEST = 600
"""Characters that an answer may have."""
_ROOM = 80
"""Characters by which an answer may be longer than twice the composed one."""
_WORD = re.compile(r"[^\s,;()<>\"'“”‘’„«»=–—]+")
_PIECE = re.compile(r"[^\W\d_]+")
_ENDS = (".", "!", "?", ":")
_STARTERS = frozenset(
    "a access account accounts activity address addresses after all an and at because before began between both by "  # noqa: SIM905  # a list would take a line a word
    "detected during each event events every first following from happened in it its last multiple observed occurred "
    "of on over performed recorded request requests rule seen several since some somebody someone source sources "
    "starting technique techniques that the their then there these this those to user users using when while with "
    "within".split()
)
"""Words that may begin a sentence; others must stand in the composed answers, because they could be names."""
_CAPITALS = frozenset({"api", "id", "ip", "url"})
"""Ordinary words that are written in capitals."""
_NUMBERS = frozenset(
    "zero two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty seventy eighty "  # noqa: SIM905
    "ninety hundred hundreds thousand thousands million millions billion billions dozen dozens half twice".split()
)
_JUDGEMENTS = frozenset(
    "advise allowed approved authorised authorized benign compromised disregard dismiss expected false harmless "  # noqa: SIM905
    "ignore ignored innocent legitimate malicious normal nothing permitted please recommend resolve routine safe "
    "scheduled should test testing trusted".split()
)
"""Words that say what to think of it or what to do: that is for people, whoever asked the model for them."""
_TURNS = frozenset(
    "blocked couldn denied didn doesn failed failure isn never no nobody none not prevented refused rejected stopped "  # noqa: SIM905
    "succeeded success successful successfully unsuccessful wasn weren without".split()
)
"""Words that turn a sentence into its opposite, or say how it ended."""


def unfaithful(composed: Mapping[str, str], rewritten: Mapping[str, str], names: Collection[str]) -> str:
    """Why the rewritten answers cannot be shown; empty where they can. ``names`` are the alert's entities."""
    return next(_problems(composed, rewritten, names), "")


def _problems(composed: Mapping[str, str], rewritten: Mapping[str, str], names: Collection[str]) -> Iterator[str]:
    if set(rewritten) != set(composed):
        yield "other questions than those that have answers"
        return
    known = _known(composed.values())
    for question, answer in composed.items():
        text = rewritten[question]
        if not text or len(text) > min(LONGEST, 2 * len(answer) + _ROOM):
            yield f"{question}: empty or too long"
        if plain(text) != text:
            yield f"{question}: control characters"
        if invented := next(_invented(text, known), ""):
            yield f"{question}: {invented!r} is not in the composed answers"
        if lost := next(_lost(answer, text, names), ""):
            yield f"{question}: {lost!r} got lost"


def _known(texts: Collection[str]) -> frozenset[str]:
    """The words, and the letters that words such as ``policy/AdministratorAccess`` are made of."""
    words = {word.casefold() for text in texts for word in _words(text)}
    return frozenset(words | {piece.casefold() for word in words for piece in _PIECE.findall(word)})


def _words(text: str) -> Iterator[str]:
    return filter(None, (word.rstrip(".:!?") for word in _WORD.findall(text)))


def _invented(text: str, known: Collection[str]) -> Iterator[str]:
    raw = _WORD.findall(text)
    for before, each in pairwise([".", *raw]):
        word = each.rstrip(".:!?")
        if not word or word.casefold() in known:
            continue
        lower = word.casefold()
        starts = before.endswith(_ENDS)
        if lower in _CAPITALS:
            continue
        named = _looks_named(word[0].lower() + word[1:] if starts else word) or (
            starts and word[0].isupper() and lower not in _STARTERS
        )
        if named or lower in _NUMBERS | _JUDGEMENTS | _TURNS:
            yield word


def _looks_named(word: str) -> bool:
    """Whether it is more than an ordinary word: small letters, hyphens between them."""
    return not re.fullmatch(r"[a-z]*(-[a-z]+)*", word)


def _lost(answer: str, text: str, names: Collection[str]) -> Iterator[str]:
    kept = {word.casefold() for word in _words(text)}
    for word in _words(answer):
        if any(each.isdigit() or each == "@" for each in word) and word.casefold() not in kept:
            yield word
    for name in names:
        if name and name in answer and name not in text:
            yield name
