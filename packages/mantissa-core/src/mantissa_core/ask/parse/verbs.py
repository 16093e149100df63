"""Verbs that mean the same of an event: who deleted, removed, wiped or got rid of something.

Log types and the general words write an event once, noun and participle ("repository deleted"); every verb of the same
line of ``words.yaml`` is understood in its place, in each of its forms, before and behind the noun.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from .tokens import Token, stem
from .words import general_words

_LONGEST = 3
_PARTICLES = frozenset({"off", "on", "up", "down", "out"})


@dataclass(frozen=True, slots=True)
class Verb:
    """A form that was found: how many tokens it takes, and the participles that it may stand for.

    With a ``particle`` the verb is split, and that word must follow its noun: "turned logging *off*".
    """

    length: int
    means: tuple[str, ...]
    particle: str = ""


class Verbs:
    """Every form of every verb."""

    def __init__(self, forms: Mapping[tuple[str, ...], tuple[str, ...]]) -> None:
        self._forms = forms
        self._split: dict[str, list[Verb]] = {}
        for words, means in forms.items():
            if len(words) == 2 and words[1] in _PARTICLES:
                self._split.setdefault(words[0], []).append(Verb(1, means, words[1]))

    @classmethod
    def of(cls, lines: Mapping[str, Sequence[str]]) -> Verbs:
        """Of ``words.yaml``: by participle the verbs that mean it, each in its forms ("take_away took_away")."""
        forms: dict[tuple[str, ...], tuple[str, ...]] = {}
        for means, verbs in lines.items():
            for verb in verbs:
                for form in verb.split():
                    words = tuple(stem(each) for each in form.split("_"))
                    known = forms.get(words, ())
                    own = means in verb.split()  # wiping is "wiped" before it is "deleted"
                    forms[words] = tuple(dict.fromkeys((means, *known) if own else (*known, means)))
        return cls(forms)

    @classmethod
    @cache
    def of_people(cls) -> Verbs:
        """Those of the general words."""
        return cls.of(general_words()["verbs"])

    def begins(self, at: Sequence[Token]) -> Iterator[Verb]:
        """The verbs that the tokens may begin with, the longest first."""
        words = tuple(_words(at[:_LONGEST]))
        for length in range(len(words), 0, -1):
            if means := self._forms.get(words[:length]):
                yield Verb(length, means)
        if words:
            yield from self._split.get(words[0], ())


def _words(at: Iterable[Token]) -> Iterator[str]:
    for token in at:
        if token.kind != "word" or len(token.words) != 1:
            return
        yield token.words[0]
