"""From a sentence to items: every word belongs to one, or the sentence is not understood."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from .lexicon import COMPILED, CORRECTABLE, ENVIRONMENTS, FAMILIES, SYNONYMS
from .unclear import Unclear

TO, IN, ABOUT = "to", "in", "about"
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "‘": "'"})
_SPELLINGS = (
    (r"\be-mail", "email"),
    (r"\bon call\b|\boncall\b", "on-call"),
    (r"(?<!\w)'([^']+)'(?!\w)|`([^`]+)`", r'"\1\2"'),
    (r"\s+", " "),
    (r"[.!?\s]+$", ""),
    (r"[.:] (?=\w)", "; "),
)


@dataclass(frozen=True, slots=True)
class Item:
    """One part of a sentence: its kind, what the pattern found in it, and how it is written."""

    kind: str
    text: str
    values: dict[str, str] = field(default_factory=dict)

    @property
    def value(self) -> str:
        """What it names, without quotes."""
        return self.values.get("value", "").strip('"')


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names that this instance knows: log types, environments, labels of sinks."""

    log_types: Collection[str] = ()
    environments: Collection[str] = ()
    labels: Collection[str] = ()


@dataclass(slots=True)
class Scanned:
    """The items of a sentence, and the slips that were read as another word."""

    items: list[Item]
    corrected: list[tuple[str, str]]


def scan(sentence: str, known: Vocabulary) -> Scanned:
    """The items of a sentence, without those that say nothing.

    Raises:
        Unclear: a word is not known, or stands where it means something else.
    """
    text = sentence.translate(_QUOTES)
    for pattern, replacement in _SPELLINGS:
        text = re.sub(pattern, replacement, text.strip(), flags=re.IGNORECASE)
    if not text:
        raise Unclear("there are no words", " ")
    corrected: list[tuple[str, str]] = []
    found: list[Item] = []
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        item = _named(text, at, known) or _pattern(text, at)
        if item is None:
            word = re.match(r"[^\s,;]+", text[at:])
            meant = _meant(word[0]) if word else None
            if word is None or meant is None:
                raise Unclear(f"the word {(word[0] if word else text[at])[:60]!r} is not known", sentence)
            corrected.append((word[0], meant))
            text = text[:at] + meant + text[at + len(word[0]) :]
            continue
        found.append(item)
        at += len(item.text)
    return Scanned(list(_placed(found, sentence)), corrected)


def _pattern(text: str, at: int) -> Item | None:
    for kind, pattern in COMPILED:
        if (match := pattern.match(text, at)) and match[0]:
            return Item(kind, match[0], {name: value for name, value in match.groupdict().items() if value})
    return None


def _named(text: str, at: int, known: Vocabulary) -> Item | None:
    """A name that this instance knows, the longest there."""
    words = re.match(r"[^\s,;]+(?: [^\s,;]+)?", text[at:])
    candidates = [words[0], words[0].split(" ")[0]] if words else []
    for written in candidates:
        name = written.lower()
        if found := _source(SYNONYMS.get(name, name), known.log_types):
            both = {"label": name} if name in known.labels or name in FAMILIES else {}
            return Item("source", written, {"value": found, **both})
        places = [*ENVIRONMENTS.get(name, ()), name]
        if place := next((each for each in places if each in known.environments), None):
            return Item("environment", written, {"value": place})
        if name in ENVIRONMENTS:
            return Item("unknown environment", written)
    for written in candidates:
        if any(written.lower() == label.lower() for label in known.labels) and _pattern(text, at) is None:
            return Item("label", written, {"value": written})
    return None


def _source(name: str, log_types: Collection[str]) -> str | None:
    """The pattern of a vendor's log types (``aws.*``), or one log type by its whole name or its own part of it."""
    if name in log_types:
        return name
    if any(each.startswith(f"{name}.") for each in log_types):
        return f"{name}.*"
    own = [each for each in log_types if each.partition(".")[2] == name and name not in ("audit", "auth", "events")]
    return own[0] if len(own) == 1 else None


def _placed(items: list[Item], sentence: str) -> Iterator[Item]:
    """Without prepositions and fillers, once they have told a source from a destination."""
    before = ""
    for item in items:
        if item.kind in (TO, IN, ABOUT):
            before = item.kind
            continue
        if item.kind == "filler":
            continue
        told = _told(item, before, sentence)
        yield replace(told, values={**told.values, "led": before}) if before else told
        before = ""


def _told(item: Item, before: str, sentence: str) -> Item:
    if item.kind == "unknown environment":
        name = item.text.lower()
        raise Unclear(f"no environment {name!r} is configured: add [environments.{name}] to mantissa.toml")
    if item.kind == "source":
        if "label" not in item.values:
            if before == TO:
                raise Unclear(f"{item.text!r} is a source of events, not a destination", sentence)
            return item
        if before == ABOUT:
            return item
        return Item(item.text.lower() if item.text.lower() in FAMILIES else "label", item.text, {"value": item.text})
    is_place = item.kind in (*FAMILIES, "label", "channel", "email address", "quoted", "ticket")
    if is_place and before == ABOUT and item.kind not in ("email", "on-call"):
        raise Unclear(f"it is not clear whether alerts go to {item.text!r} or are about it", sentence)
    if item.kind in ("severity", "at least", "at most") and before == TO:
        raise Unclear(f"it is not clear what 'to {item.text}' means", sentence)
    return item


def _meant(word: str) -> str | None:
    """The one word that differs by two letters that changed places, or by one that is missing or too many."""
    name = word.lower()
    if len(name) < 5 or not name.isalpha():
        return None
    found = [each for each in CORRECTABLE if each != name and _slip(name, each)]
    return found[0] if len(found) == 1 else None


def _slip(name: str, other: str) -> bool:
    if len(name) == len(other):
        differ = [at for at in range(len(name)) if name[at] != other[at]]
        return (
            len(differ) == 2
            and differ[1] == differ[0] + 1
            and name[differ[0]] == other[differ[1]]
            and (name[differ[1]] == other[differ[0]])
        )
    short, long = sorted((name, other), key=len)
    return len(long) == len(short) + 1 and any(long[:at] + long[at + 1 :] == short for at in range(len(long)))
