"""What phrases mean: the general words of ``words.yaml``, and those that the tables' schemas bring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from mantissa_core.ask.plan import Compare, Filter
from mantissa_core.ask.schema import Schema

from .tokens import Token, tokens

Kind = Literal["frame", "outcome", "event", "country", "user", "field", "source", "stop", "service", "thing"]
_LONGEST = 8
_FILLERS = frozenset(
    (each,)
    for phrase in ("a an the", "was were is are been be being", "got get has have had", "that which who their our")
    for each in phrase.split()
)
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
    _beginnings: set[tuple[str, ...]] = field(default_factory=set)

    @classmethod
    def of(cls, schema: Schema) -> Lexicon:
        """Everything that can be said about these tables."""
        lexicon = cls()
        for phrase, meaning in (*_general(), *_clouds(schema), *_tables(schema)):
            lexicon.add(phrase, meaning)
        return lexicon

    def add(self, phrase: str, meaning: Meaning) -> None:
        """One more meaning of a phrase."""
        key = tuple(word for token in tokens(phrase) for word in token.words)
        meanings = self.entries.setdefault(key, [])
        self.words |= set(key)
        self._beginnings |= {key[:length] for length in range(1, len(key) + 1)}
        if key and meaning not in meanings:
            meanings.append(meaning)

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
                # "new buckets that were set up": made is new
                return (inner, begin + length) if any(each.value == "rare" for each in head) else (head, taken)
        return best

    def _phrase(self, at: list[Token]) -> tuple[list[Meaning], int]:
        return max(self._walk(at, frozenset()), self._walk(at, _FILLERS), key=lambda each: each[1])

    def _walk(self, at: list[Token], skipped: frozenset[tuple[str, ...]]) -> tuple[list[Meaning], int]:
        words: tuple[str, ...] = ()
        best: tuple[list[Meaning], int] = ([], 0)
        for number, token in enumerate(at[:_LONGEST], 1):
            if token.kind not in ("word", "name", "api", "number"):
                break
            if words and token.words in skipped:
                continue
            words += token.words or (token.text,)
            if words not in self._beginnings:
                break
            if found := self.entries.get(words):
                best = (found, number)
        return best


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
    noun: str, phrase: str, entry: Mapping[str, Any], verbs: Mapping[str, Any], tables: frozenset[str]
) -> Iterator[tuple[str, Meaning]]:
    for verb, forms in verbs.items():
        call = entry.get("calls", {}).get(verb, f"{verb}{noun}")
        named: Filter = Compare(field="eventName", op="starts" if entry.get("versions") else "eq", value=call)
        done = Compare(field="m_outcome", value="success")
        meaning = Meaning("event", (named, done), tables, call)
        yield from ((f"{form} {phrase}", meaning) for form in forms["before"])
        yield from ((f"{phrase} {form}", meaning) for form in forms["after"])


def _tables(schema: Schema) -> Iterator[tuple[str, Meaning]]:
    for table in schema.tables.values():
        only = frozenset({table.name})
        for phrase in (
            table.name,
            table.title,
            *table.synonyms,
            *_vendors(table.log_types if not table.is_view else ()),
        ):
            yield phrase, Meaning("source", table.name, only)
            yield from ((f"{phrase} {noun}", Meaning("source", table.name, only)) for noun in ("log", "event", "data"))
        for column in table.columns.values():
            if column.name in _BOOKKEEPING:
                continue
            for phrase in (column.name, *column.synonyms):
                yield phrase, Meaning("field", column.name, only, column.description)
        for asked in table.asked:
            yield from ((phrase, Meaning("event", asked.filters, only)) for phrase in asked.phrases)


def _vendors(log_types: Iterable[str]) -> Iterator[str]:
    """``okta`` for ``okta.system``."""
    return (each.partition(".")[0] for each in log_types)


@cache
def general_words() -> Any:
    """The hand-written vocabulary."""
    text = files(__package__).joinpath("words.yaml").read_text("utf-8")
    return yaml.load(text, yaml.BaseLoader)  # noqa: S506  # texts alone: "no" and "on" are words
