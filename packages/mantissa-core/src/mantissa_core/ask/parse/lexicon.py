"""What phrases mean: the general words of ``words.yaml``, and those that the tables' schemas bring."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mantissa_core.ask.plan import Compare, Filter
from mantissa_core.ask.schema import Schema, SchemaTable

from .spelling import as_login
from .tokens import Token, tokens
from .verbs import Verbs
from .words import general_words

Kind = Literal["frame", "outcome", "event", "country", "user", "field", "source", "stop", "service", "thing"]
_LONGEST = 8
_FILLERS = frozenset(
    (each,)
    for phrase in (
        "a an the any some all that which who their our his her my your",
        "was were is are been be being got get has have had",
        "last just already also ever newly recently",
    )
    for each in phrase.split()
)
_SPOKEN = ("word", "name", "api", "number")
"""Kinds of tokens that phrases are made of."""
_ACTIVE = frozenset({("make",), ("take",), ("see",), ("find",), ("use",), ("run",), ("give",), ("put",), ("get",)})
"""Behind a noun these are what it does, not what is done to it: "which users make…"."""
_SMALL = frozenset(
    {"from", "to", "when", "who", "why", "what", "where", "how", "recorded", "received", "detected", "query"}
)
"""Words that mean too much to mean a column."""
NAMED = "named"
"""Told of a source by a name of its own."""
_SIGN_INS = re.compile(r"\S (?:logins?|sign-?ins?)$", re.IGNORECASE)
_BOOKKEEPING = {"m_id", "m_ingest_time", "m_source", "m_extra", "m_flags", "dt"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """One meaning of a phrase. ``tables`` are those that it can be asked of; none for all.

    ``value`` is the frame, the outcome, the country, a column's name, or for an event its filter.
    """

    kind: Kind
    value: Any
    tables: frozenset[str] = frozenset()
    told: str = ""


@dataclass(slots=True)
class Lexicon:
    """Meanings by the words of their phrase."""

    entries: dict[tuple[str, ...], list[Meaning]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    """Every word of every phrase."""
    verbs: Verbs = field(default_factory=Verbs.of_people)
    events: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Phrases of events as they were written, by their words."""
    _beginnings: set[tuple[str, ...]] = field(default_factory=set)
    _by_word: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    _by_initial: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, schema: Schema) -> Lexicon:
        """Everything that can be said about these tables."""
        lexicon = cls()
        for phrase, meaning in (*_general(), *_clouds(schema), *_tables(schema)):
            lexicon.add(phrase, meaning)
        return lexicon

    def add(self, phrase: str, meaning: Meaning) -> None:
        """One more meaning of a phrase."""
        key = tuple(word for token in tokens(as_login(phrase)) for word in token.words or (token.text,))
        meanings = self.entries.setdefault(key, [])
        self.words |= set(key)
        self._beginnings |= {key[:length] for length in range(1, len(key) + 1)}
        if key and meaning not in meanings:
            meanings.append(meaning)
        if key and meaning.kind == "event":
            self.events.setdefault(key, phrase)

    def beginning_as(self, word: str) -> Sequence[str]:
        """Every word of every phrase that has the first letter of this one."""
        if not self._by_initial:
            for each in self.words:
                self._by_initial.setdefault(each[:1], []).append(each)
        return self._by_initial.get(word[:1].lower(), ())

    def events_with(self, word: str) -> Sequence[tuple[str, ...]]:
        """The phrases of events that have this word."""
        if not self._by_word:
            for key in self.events:
                for each in set(key):
                    self._by_word.setdefault(each, []).append(key)
        return self._by_word.get(word, ())

    def longest(self, at: list[Token]) -> tuple[list[Meaning], int]:
        """The meanings of the longest phrase that the tokens begin with, and how many tokens that takes.

        Small words within a phrase need not count: "bucket that was created" is "bucket created". Where the last words
        begin an event of their own ("users [created access keys]"), it is what stands before it.
        """
        best = self._phrase(at)
        for begin in range(1, best[1]):
            inner, length = self._phrase(at[begin:])
            if begin + length > best[1] and any(each.kind == "event" for each in inner):
                head, taken = self._phrase(at[:begin])
                if not head:
                    break  # "[rdp connections] blocked", not "rdp [connections blocked]"
                # "new buckets that were set up": made is new
                return (inner, begin + length) if any(each.value == "rare" for each in head) else (head, taken)
        return best

    def also_done(self, phrase: Sequence[Token], after: Sequence[Token]) -> tuple[list[Meaning], int]:
        """Another verb of the same noun behind it, and how many tokens that takes: users created [or deleted]."""
        if not after or after[0].words not in (("and",), ("or",)):
            return [], 0
        nouns: tuple[str, ...] = ()
        for token in phrase[:-1]:
            nouns += token.words or (token.text,)
            for verb in self.verbs.begins(after[1:4]):
                if not verb.particle and (found := self._with(nouns, verb.means)):
                    return found, verb.length + 1
        return [], 0

    def sources_first(self, pieces: Sequence[Token]) -> list[Token]:
        """The tokens, those that name a log before the others."""
        sources: list[Token] = []
        others: list[Token] = []
        at = 0
        while at < len(pieces):
            meanings, length = self.longest(list(pieces[at:]))
            named = bool(meanings) and all(each.kind == "source" for each in meanings)
            (sources if named else others).extend(pieces[at : at + (length or 1)])
            at += length or 1
        return sources + others

    def _phrase(self, at: list[Token]) -> tuple[list[Meaning], int]:
        ways = (self._walk(at, frozenset()), self._walk(at, _FILLERS), self._verb_first(at), self._verb_last(at))
        return max(ways, key=lambda each: each[1])

    def _verb_first(self, at: list[Token]) -> tuple[list[Meaning], int]:
        """Another verb than the phrase's, before its noun: "wiped the repository" is "repository deleted"."""
        best: tuple[list[Meaning], int] = ([], 0)
        for verb in self.verbs.begins(at):
            nouns: tuple[str, ...] = ()
            for number, token in enumerate(at[verb.length : _LONGEST], verb.length + 1):
                if token.kind not in _SPOKEN:
                    break
                if token.words in _FILLERS or (not nouns and token.words == ("of",)):
                    continue
                if nouns and token.words == (verb.particle,):  # turned logging off
                    best = max(best, (self._with(nouns, verb.means), number), key=_reach)
                    break
                nouns += token.words or (token.text,)
                if nouns not in self._beginnings:
                    break
                if not verb.particle:
                    best = max(best, (self._with(nouns, verb.means), number), key=_reach)
        return best

    def _verb_last(self, at: list[Token]) -> tuple[list[Meaning], int]:
        """Another verb than the phrase's, behind its noun: "repositories that got wiped"."""
        nouns: tuple[str, ...] = ()
        best: tuple[list[Meaning], int] = ([], 0)
        for number, token in enumerate(at[:_LONGEST]):
            if token.kind not in _SPOKEN:
                break
            if nouns and token.words in _FILLERS:
                continue
            for verb in self.verbs.begins(at[number:]) if nouns else ():
                if not verb.particle and token.words not in _ACTIVE:
                    best = max(best, (self._with(nouns, verb.means), number + verb.length), key=_reach)
            nouns += token.words or (token.text,)
            if nouns not in self._beginnings:
                break
        return best

    def _with(self, nouns: tuple[str, ...], verbs: Iterable[str]) -> list[Meaning]:
        found = (self.entries.get((*nouns, verb)) for verb in verbs)
        return next((each for each in found if each and each[0].kind == "event"), [])

    def _walk(self, at: list[Token], skipped: frozenset[tuple[str, ...]]) -> tuple[list[Meaning], int]:
        words: tuple[str, ...] = ()
        best: tuple[list[Meaning], int] = ([], 0)
        for number, token in enumerate(at[:_LONGEST], 1):
            if token.kind not in _SPOKEN:
                break
            if words and token.words in skipped:
                continue
            words += token.words or (token.text,)
            if words not in self._beginnings:
                break
            if found := self.entries.get(words):
                best = (found, number)
        return best


def _reach(found: tuple[list[Meaning], int]) -> int:
    return found[1] if found[0] else 0


def _general() -> Iterator[tuple[str, Meaning]]:
    words = general_words()
    for frame, phrases in words["frames"].items():
        yield from ((each, Meaning("frame", frame)) for each in phrases)
    for outcome, phrases in words["outcomes"].items():
        yield from ((each, Meaning("outcome", outcome)) for each in phrases)
    for action, phrases in words["actions"].items():
        filter_ = Compare(field="m_action", value=action)
        yield from ((each, Meaning("event", (filter_,), told=phrases[0])) for each in phrases)
    for country, entry in words["countries"].items():
        meaning = Meaning("country", (country, entry["code"]))
        yield from ((each, meaning) for each in entry["phrases"])
    for user, phrases in words["people"].items():
        yield from ((each, Meaning("user", user)) for each in phrases)
    yield from ((each, Meaning("thing", each)) for each in words["things"])
    yield from ((each, Meaning("stop", None)) for each in words["stop"])


def _clouds(schema: Schema) -> Iterator[tuple[str, Meaning]]:
    """Phrases about resources, for the tables that name calls by verb and noun (``CreateBucket``)."""
    words = general_words()["calls"]
    tables = frozenset(
        each.name for each in schema.tables.values() if {"eventName", "eventSource"} <= set(each.columns)
    )
    if not tables:
        return
    for service, phrases in words["services"].items():
        source = Compare(field="eventSource", value=f"{service}.amazonaws.com")
        yield from ((each, Meaning("service", (source,), tables, f"calls of {service}")) for each in phrases)
    for call, phrases in words["named"].items():
        named: tuple[Filter, ...] = (Compare(field="eventName", value=call),)
        yield from ((each, Meaning("event", named, tables, call)) for each in phrases)
    for noun, entry in words["resources"].items():
        service = Compare(field="eventSource", value=f"{entry['service']}.amazonaws.com")
        for phrase in entry["phrases"]:
            yield phrase, Meaning("service", (service,), tables, f"calls of {entry['service']}")
            yield from _verbs(noun, phrase, entry, words["verbs"], tables)


def _verbs(
    noun: str, phrase: str, entry: Mapping[str, Any], verbs: Mapping[str, str], tables: frozenset[str]
) -> Iterator[tuple[str, Meaning]]:
    for verb, done in verbs.items():
        call = entry.get("calls", {}).get(verb, f"{verb}{noun}")
        named: Filter = Compare(field="eventName", op="starts" if entry.get("versions") else "eq", value=call)
        yield f"{phrase} {done}", Meaning("event", (named, Compare(field="m_outcome", value="success")), tables, call)


def _tables(schema: Schema) -> Iterator[tuple[str, Meaning]]:
    for table in schema.tables.values():
        only = frozenset({table.name})
        yield from _sources(table, only)
        for column in table.columns.values():
            if column.name in _BOOKKEEPING:
                continue
            for phrase in filter(_means_a_column, (column.name, *column.synonyms)):
                yield phrase, Meaning("field", column.name, only, column.description)
        for asked in table.asked:
            yield from ((phrase, Meaning("event", asked.filters, only)) for phrase in asked.phrases)


def _means_a_column(phrase: str) -> bool:
    """Not "from", which is everywhere, nor "bytes in", of which the end may belong to what follows."""
    words = phrase.lower().replace("_", " ")
    return words not in _SMALL and words.rpartition(" ")[2] not in ("in", "on", "of", "to", "from")


def _sources(table: SchemaTable, only: frozenset[str]) -> Iterator[tuple[str, Meaning]]:
    """What the table is called. Its own names are told from its vendor's, which others share."""
    named = tuple(dict.fromkeys((table.name, table.title, *table.synonyms)))
    sign_ins: tuple[Filter, ...] = (Compare(field="m_action", value="login"),)
    for phrase in named:
        if not table.is_view and "login" in table.actions and _SIGN_INS.search(phrase):
            yield phrase, Meaning("event", sign_ins, only)
            continue
        yield from _with_nouns(phrase, Meaning("source", table.name, only, NAMED))
    for vendor in _vendors(table.log_types if not table.is_view else ()):
        if vendor not in named:
            yield from _with_nouns(vendor, Meaning("source", table.name, only))


def _with_nouns(phrase: str, meaning: Meaning) -> Iterator[tuple[str, Meaning]]:
    yield phrase, meaning
    yield from ((f"{phrase} {noun}", meaning) for noun in ("log", "event", "data", "activity", "record", "entry"))


def _vendors(log_types: Iterable[str]) -> Iterator[str]:
    """``okta`` for ``okta.system``."""
    return (each.partition(".")[0] for each in log_types)
