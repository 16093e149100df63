"""A question's pieces, sorted by what they say: frames, events, fields, values. What is left over is not understood."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from mantissa_core.ask.plan import COUNTRY, Compare, Filter, Not
from mantissa_core.ask.plan import Any as AnyOf

from .lexicon import NAMED, Lexicon, Meaning
from .tokens import Token

_NAMING = frozenset({"user", "by", "each", "not", "for", "account", "person", "did", "of", "has", "named", "only"})
"""Words after which an unknown word is somebody's name."""
_CONSTANT = re.compile(r"[A-Z0-9]+(?:[._][A-Z0-9]+)+")
"""Names of operations and settings, never of people: ``REST.PUT.OBJECT``."""
_ENUMERATES = frozenset({"and", "or", "nor", "the"})
"""Words between the parts of an enumeration, besides commas."""
_REGION = re.compile(r"(?:us|eu|ap|sa|ca|me|af|il|mx|cn)(?:-gov)?-[a-z]+-\d")
_PRIORITY = ("event", "service", "user", "source", "frame", "outcome", "country", "field", "stop", "thing")
_ROWS = (("event",), ("request",), ("activity",), ("operation",))
"""Words for the rows themselves, whatever column goes by them, too."""
_NO_NAME = ("ed", "ing", "tion", "ment", "ly", "ness", "able")
"""Endings of words that are nobody's name."""
_ALL = frozenset({"everything", "anything", "something", "that", "all", "what"})
"""After these, and before "did", an unknown word is somebody's name."""
_SMALL = frozenset((each,) for each in ("from", "to", "by", "in", "on", "at", "of", "for", "with"))
"""Words that are a column's name in a source that is named, and else what they are everywhere."""
_AHEAD = 16
"""Pieces that a phrase, and one that begins within it, can take."""
BOUNDS = frozenset({"more", "less", "at_least", "at_most"})
_FIELD_FIRST = frozenset({"distinct", "each", "top", "fewest", "rare", "more", "less", "count", "list", "number"})
"""After these a word that is a field as well is meant as a field."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A column that the question names. ``tables`` have it; ``after`` is what stood before it."""

    name: str
    tables: frozenset[str]
    after: str
    by_table: tuple[tuple[str, str], ...] = ()
    """What it is called in each of them, where that differs."""
    first: bool = False
    """Whether the question begins with it."""


@dataclass(slots=True)
class Slots:
    """What was said."""

    frames: list[str] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    comparisons: list[tuple[Mention, Token, bool]] = field(default_factory=list)
    sources: list[frozenset[str]] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    """Those of the sources that were called by a name of their own, and not by their vendor's."""
    needs: list[frozenset[str]] = field(default_factory=list)
    numbers: list[tuple[str, int]] = field(default_factory=list)
    countries: list[tuple[tuple[str, str], bool]] = field(default_factory=list)
    bounds: list[tuple[Mention, str, int]] = field(default_factory=list)
    """Columns with a bound right behind them: "severity above 5"."""
    phrases: list[str] = field(default_factory=list)
    """The last word of each frame's phrase: "of" of "largest number of"."""
    unknown: list[str] = field(default_factory=list)
    choices: list[tuple[tuple[Meaning, ...], bool]] = field(default_factory=list)
    """Events that several logs have, each in its own way, and whether they are excluded: the table decides."""
    pieces: int = 0
    """In how many pieces it was read: the fewer, the more was said by each."""
    signed_in: bool = False
    """Whether people "logged in", which is done, and not only tried."""
    joined: bool = False
    """Whether there is an "and" or "or" in it."""

    @property
    def says_something(self) -> bool:
        """Whether there is more than frames in it."""
        own = self.filters or self.choices or self.mentions or self.comparisons or self.bounds
        return bool(own or self.sources or self.countries)

    @property
    def says_little(self) -> bool:
        """Whether it is no more than the name of a column, or an outcome, with nothing that it is about."""
        outcomes = all(isinstance(each, Compare) and each.field == "m_outcome" for each in self.filters)
        told = self.comparisons or self.bounds or self.choices
        about = told or self.sources or self.countries or not outcomes
        return not about and bool(self.filters or self.mentions) and not set(self.frames) - {"list"}


class Reader:
    """Reads the tokens of one question, times already taken out, from left to right."""

    def __init__(self, lexicon: Lexicon, calls: frozenset[str], numbers: frozenset[str] = frozenset()) -> None:
        self._lexicon, self._calls, self._numbers = lexicon, calls, numbers

    def read(self, pieces: Sequence[Token]) -> Slots:
        """Sort the pieces. ``calls`` are the tables that have ``eventName``, ``numbers`` the columns that hold some.

        Where a log is named, phrases mean what they mean in it; and where its name parts a phrase ("deleted GitHub
        repositories"), it is read as if it came first.
        """
        known: dict[int, tuple[list[Meaning], int]] = {}
        slots = self._read(pieces, None, known)
        if not (named := frozenset.intersection(*slots.sources) if slots.sources else None):
            return slots
        slots = self._read(pieces, named, known)
        if (arranged := self._lexicon.sources_first(pieces)) == list(pieces):
            return slots
        return min(slots, self._read(arranged, named, {}), key=lambda each: (len(each.unknown), each.pieces))

    def _read(
        self, pieces: Sequence[Token], tables: frozenset[str] | None, known: dict[int, tuple[list[Meaning], int]]
    ) -> Slots:
        slots, after, negated, at, excludes = Slots(), "", False, 0, False
        wanted: Mention | None = None
        slots.signed_in = any(
            one.text.lower() == "logged" and two.text.lower() in ("in", "into") for one, two in pairwise(pieces)
        )
        while at < len(pieces):
            if at not in known:
                known[at] = self._lexicon.longest(list(pieces[at : at + _AHEAD]))
            meanings, length = known[at]
            if pieces[at].text.lower() not in _ENUMERATES:
                excludes = _names(pieces[at], meanings) and (negated or excludes)  # not amara, lin or noor
                negated = negated or excludes
            slots.pieces += 1
            meanings = self._before_name(meanings, pieces[at + length : at + length + 1])
            if tables:
                there = [each for each in meanings if not each.tables or each.kind == "source" or each.tables & tables]
                meanings = there or meanings
            if length == 1 and pieces[at].words in _SMALL and not (tables and meanings and meanings[0].tables):
                meanings = [each for each in meanings if each.kind != "field"]
            if pieces[at].kind == "number" and after != "field" and self._ranks(pieces[at + 1 :]):
                slots.numbers.append(("top", int(pieces[at].text)))
                at += 1
                continue
            if meanings and not (after == "field" and pieces[at].kind in ("number", "api")):
                after, negated = self._phrase(slots, meanings, negated, after, pieces[at + length - 1], length == 1)
                at += length
                if meanings[0].kind == "event":
                    wanted = wanted or self._wanted(slots, pieces[at - length : at], meanings)
                    at += self._also(slots, pieces, at, length)
                continue
            if after in _ALL and pieces[at].kind == "word" and _says(pieces[at + 1 : at + 2], "did"):
                _add(slots, named_user(pieces[at].text), negated)  # everything that amara did
                at += 1
                continue
            after, negated = self._value(slots, pieces[at], negated, after)
            at += 1
        if wanted and "by users" in " ".join(each.text.lower() for each in pieces):
            slots.mentions = [
                wanted if each.after == "each" and each.name == "m_user" else each for each in slots.mentions
            ]
        if slots.mentions and slots.mentions[0].first:
            slots.frames.append("list")  # "verbs used by…" asks for the verbs
        return slots

    def _wanted(self, slots: Slots, phrase: Sequence[Token], meanings: Sequence[Meaning]) -> Mention | None:
        """The column of "which apps were authorized": the noun of the event, where it is asked for."""
        if slots.phrases[-1:] not in (["which"], ["what"]):
            return None
        tables = frozenset(name for each in meanings for name in each.tables)
        for begin in range(len(phrase) - 1):
            found, _ = self._lexicon.longest(list(phrase[begin:-1]))
            if fields := [each for each in found if each.kind == "field" and each.tables & tables]:
                return _mention(fields, "each")
        return None

    def _also(self, slots: Slots, pieces: Sequence[Token], at: int, length: int) -> int:
        """Note what else was done to the noun of the event before; returns how many pieces say it."""
        also, taken = self._lexicon.also_done(pieces[at - length : at], pieces[at : at + 4])
        if also:
            slots.joined = True
            self._phrase(
                slots,
                also,
                bool(slots.filters) and isinstance(slots.filters[-1], Not),
                "",
                pieces[at + taken - 1],
                False,
            )
        return taken

    def _before_name(self, meanings: list[Meaning], following: Sequence[Token]) -> list[Meaning]:
        """In front of a name that nothing is called by, a word means the column: "the bucket acme-invoices"."""
        fields = [each for each in meanings if each.kind == "field"]
        if not (fields and following):
            return meanings
        name = following[0]
        odd = name.kind in ("name", "quoted") or (name.kind == "word" and re.search(r"[-_./]", name.text) is not None)
        return fields if odd and not self._lexicon.longest([name])[0] else meanings

    def _phrase(
        self, slots: Slots, meanings: Sequence[Meaning], negated: bool, after: str, last: Token, single: bool
    ) -> tuple[str, bool]:
        """Note what a phrase means; of several meanings the one that says most. Returns what it was, for the next."""
        fields = [each for each in meanings if each.kind == "field"]
        if single and last.words in _ROWS and after not in ("each", "top", "fewest"):
            fields, meanings = [], [Meaning("stop", None)]  # rows, not what they are called
        if single and last.text.lower() == "times":
            fields = []  # how often, not when
        meaning = min(meanings, key=lambda each: _PRIORITY.index(each.kind))
        if fields and (
            meaning.kind == "field"
            or (after in _FIELD_FIRST and meaning.kind in ("frame", "source", "stop"))
            or (after in ("each", "top") and meaning.kind == "outcome")
        ):
            beside = after == "and" and slots.mentions and slots.mentions[-1].after == "each"  # by user and address
            native = [each for each in fields if slots.sources and each.tables == slots.sources[-1]]
            own = [each for each in native if not str(each.value).startswith("m_")]
            fields = own if own and last.words == ("account",) else fields
            if after in ("list", "source") and slots.phrases[-1:] == ["any"] and (slots.filters or slots.choices):
                return "said", False  # in any region: wherever it was
            first = not (slots.filters or slots.mentions or set(slots.frames) - {"rare"})
            slots.mentions.append(replace(_mention(fields, "each" if beside else after), first=first))
            return "field", negated
        alike = [each for each in meanings if each.kind == meaning.kind]
        match meaning.kind:
            case "frame":
                slots.frames.append(meaning.value)
                slots.phrases.append(last.text.lower())
                if meaning.value in BOUNDS and after == "field" and self._is_number(slots.mentions[-1]):
                    return f"field {meaning.value}", negated
                return str(meaning.value), negated or meaning.value == "not"
            case "event" | "service" if len(several := _own(alike)) > 1:
                slots.choices.append((several, negated))
                slots.needs.append(frozenset(name for each in several for name in each.tables))
            case "event" | "service":
                slots.filters += [Not(of=each) if negated else each for each in meaning.value]
                slots.needs += [meaning.tables] if meaning.tables else []
            case "user":
                _add(slots, named_user(meaning.value, in_arns=False), negated)
            case "outcome":
                flipped = after in ("not", "did") and negated  # "that did not fail"
                value = {"failure": "success", "success": "failure"}[meaning.value] if flipped else meaning.value
                slots.filters.append(Compare(field="m_outcome", value=value))
                return "outcome", negated and not flipped
            case "country":
                slots.countries.append((meaning.value, negated))
            case "thing":
                slots.unknown.append(last.text)
            case "source":
                slots.sources.append(frozenset(each.value for each in alike))
                slots.named |= {each.value for each in alike if each.told == NAMED}
                return "source", negated
            case _:
                if after == "field" and last.text.lower() in ("is", "was", "called", "named", "equals"):
                    return "field", negated  # where the country is Germany
                slots.joined = slots.joined or last.text.lower() in ("and", "or")
                return last.text.lower(), negated
        return "said", False

    def _ranks(self, pieces: Sequence[Token]) -> bool:
        """Whether "slowest" or the like begins here: "the 5 slowest"."""
        meanings, _ = self._lexicon.longest(list(pieces[:4]))
        return any(each.kind == "frame" and each.value in ("top", "fewest", "longest", "shortest") for each in meanings)

    def _is_number(self, mention: Mention) -> bool:
        return not self._numbers.isdisjoint({mention.name, *(name for _, name in mention.by_table)})

    def _value(self, slots: Slots, token: Token, negated: bool, after: str) -> tuple[str, bool]:
        """Note a value."""
        if after == "field" and _is_value(token, slots.mentions[-1], slots.phrases[-1:] == ["by"]):
            slots.comparisons.append((slots.mentions.pop(), token, negated))
            return "said", False
        if token.kind == "number" and after.startswith("field ") and slots.mentions:
            slots.bounds.append((slots.mentions.pop(), after.removeprefix("field "), int(token.text)))
            return "said", negated
        if token.kind == "number":
            slots.numbers.append((after, int(token.text)))
            return "number" if after in ("top", "list", "fewest") else after, negated
        if (filter_ := self._entity(slots, token, after)) is None:
            slots.unknown.append(token.text)
            return token.text.lower(), negated
        _add(slots, filter_, negated)
        return "said", False

    def _entity(self, slots: Slots, token: Token, after: str) -> Filter | None:
        """What a name of its own stands for."""
        match token.kind:
            case "ip":
                field_ = "m_dst_ip" if after == "to" else "m_any_ip"
                return Compare(field=field_, value=token.text)
            case "cidr":
                return Compare(field="m_dst_ip" if after == "to" else "m_src_ip", op="cidr", value=token.text)
            case "arn":
                resource = Compare(field="m_any_resource", value=token.text)
                return AnyOf(of=(resource, Compare(field="m_user", value=token.text)))
            case "email":
                return named_user(token.text)
            case "api" if self._calls:
                slots.needs.append(self._calls)
                return Compare(field="eventName", value=token.text)
            case _ if self._calls and _REGION.fullmatch(token.text):
                slots.needs.append(self._calls)
                return Compare(field="awsRegion", value=token.text)
        if after == "calling" and self._calls and token.kind == "word" and token.text[0].isupper():
            slots.needs.append(self._calls)
            return Compare(field="eventName", value=token.text)
        if _CONSTANT.fullmatch(token.text):
            return None
        named = after in _NAMING and not (token.kind == "word" and token.text.endswith(_NO_NAME))
        return named_user(token.text) if named or token.owner else None


def _is_value(token: Token, of: Mention, by: bool) -> bool:
    """Whether a word behind a column's name can be its value: ``user amara``, not ``which users jumped``."""
    if token.kind == "word" and of.after == "each" and of.name == "m_user" and by:
        return token.text.islower() and not token.text.endswith(_NO_NAME)  # by user rowan
    if token.kind == "word":
        return of.after not in _FIELD_FIRST and not token.text.endswith(_NO_NAME)
    if token.kind == "email":
        return of.name not in ("m_src_ip", "m_dst_ip", "m_any_ip", "m_time", "m_action", "m_outcome")
    return token.kind in ("name", "number", "quoted", "ip", "api")


def named_user(name: str, *, in_arns: bool = True) -> Filter:
    """Somebody by name: ``amara`` is ``amara@example.com`` too, and a role or session of that name in an ARN."""
    exact = Compare(field="m_user", value=name)
    if any(character in name for character in "@/: "):
        return exact
    starts = Compare(field="m_user", op="starts", value=f"{name}@")
    if not in_arns:
        return AnyOf(of=(exact, starts))
    parts = (f"/{name}/", f"/{name}@")
    inside = (Compare(field="m_user", op="contains", value=each) for each in parts)
    return AnyOf(of=(exact, starts, *inside, Compare(field="m_user", op="ends", value=f"/{name}")))


def _names(token: Token, meanings: Sequence[Meaning]) -> bool:
    """Whether it is somebody, an address or a country."""
    return token.kind in ("ip", "cidr", "email", "arn") or any(each.kind in ("user", "country") for each in meanings)


def _own(meanings: Sequence[Meaning]) -> tuple[Meaning, ...]:
    """Meanings that hold for some tables each; none where one of them holds for every table."""
    return tuple(meanings) if all(each.tables for each in meanings) else ()


def _says(pieces: Sequence[Token], word: str) -> bool:
    return bool(pieces) and pieces[0].text.lower() == word


def _add(slots: Slots, filter_: Filter, negated: bool) -> None:
    slots.filters.append(Not(of=filter_) if negated else filter_)


def _mention(meanings: Sequence[Meaning], after: str) -> Mention:
    """A word that several columns answer to: the one that every table has, before those that some have."""
    overlay = [each for each in meanings if str(each.value).startswith("m_")]
    name = str((overlay or meanings)[0].value)
    every = not overlay or name == COUNTRY
    tables = (table for each in meanings if each.value == name or every for table in each.tables)
    by_table = tuple((table, str(each.value)) for each in meanings for table in sorted(each.tables))
    return Mention(name, frozenset(tables), after, () if overlay else by_table)
