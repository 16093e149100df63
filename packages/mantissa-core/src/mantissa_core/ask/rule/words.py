"""What the words of a rule say besides what happens: how often, in what time, by whom together, how severe.

"Critical alert when a user fails login 5+ times in 10 minutes" leaves "a user fails login" for the parser of questions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from mantissa_core.duration import duration_text

Bound = Literal["gte", "gt", "lt", "lte"]

_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBER = r"(?P<n>\d{1,9}|" + "|".join(_COUNTS[1:]) + r"|a dozen|twenty|fifty|a hundred|hundred|a thousand)"
_SPECIAL = {"a dozen": 12, "twenty": 20, "fifty": 50, "a hundred": 100, "hundred": 100, "a thousand": 1_000}
_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600,
          "d": 86_400, "day": 86_400, "week": 604_800, "w": 604_800}  # fmt: skip
_UNIT = r"(?P<unit>seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)\b"
_LEVELS = r"(?P<level>critical|high|medium|low|informational)"
_WHEN = r"(?:when(?:ever)?|if|once|as soon as|every time|each time|that|where|on|about|for|of)\b"

_LEAD = re.compile(
    rf"^\W*(?:please\s+|can you\s+|could you\s+)*"
    rf"(?:(?:write|make|create|build|add|give me|i want|i need|we need|set up)\s+(?:me\s+)?(?:an?\s+|the\s+)?"
    rf"(?:new\s+)?(?:sigma\s+|detection\s+)?(?:{_LEVELS}[- ]?(?:severity|priority)?\s+)?"
    rf"(?:rule|alert|alarm|detection|alert rule)\s*(?:{_WHEN})?(?:\s+(?:fires?|alerts?|triggers?)\s+{_WHEN})?"
    rf"|(?:(?:raise|send|open|fire|trigger)\s+)?(?:me\s+)?(?:an?\s+)?(?:{_LEVELS.replace('level', 'level2')}"
    rf"[- ]?(?:severity|priority)?\s+)?(?:alert|alarm)\s*(?:me|us)?\s*(?:{_WHEN})"
    rf"|(?:alert|notify|tell|warn|inform|page|let)\s+(?:me|us)\s*(?:know\s*)?(?:{_WHEN})"
    rf"|(?:detect|catch|flag|watch for|find)(?:\s+(?:when|if))?)\s+",
    re.IGNORECASE,
)
_SEVERITY = re.compile(
    rf"[,;]?\s*(?:\b(?:with|as|at|of)\s+)?(?:an?\s+)?(?:\b{_LEVELS}[- ](?:severity|priority|level)\b"
    rf"|\b(?:severity|priority|level)\s*(?:is|=|:|of)?\s*{_LEVELS.replace('level', 'level2')}\b)",
    re.IGNORECASE,
)
_CALLED = re.compile(r"[,;]?\s*\b(?:called|named|titled|name it|call it)\s+[\"“'](?P<title>[^\"”']{3,120})[\"”']", re.I)
_ONCE = re.compile(
    rf"[,;]?\s*\b(?:(?:but\s+)?(?:at most|not more than|no more than|only)\s+once\s+(?:in|per|an?|every|each)"
    rf"|suppress(?:ed|ing)?(?:\s+(?:it|repeats|duplicates))?\s+(?:for|within))\s*(?:an?\s+|the\s+)?"
    rf"(?P<n>\d{{1,6}})?\s*{_UNIT}",
    re.IGNORECASE,
)
_SPAN = re.compile(
    rf"[,;]?\s*\b(?:(?:with)?in|during|over|inside|per|every|each|in the space of|over the course of)\s+"
    rf"(?:the\s+(?:last|past|space of)\s+|any\s+|less than\s+|under\s+)?(?:an?\s+|one\s+|single\s+)*"
    rf"(?:{_NUMBER}\s*)?{_UNIT}(?:\s+(?:of each other|window|period|span))?"
    rf"|[,;]?\s*\b(?:an|a)\s+(?P<bare>hour|minute|day)\b",
    re.IGNORECASE,
)
_AT_LEAST = r"at least|no fewer than|a minimum of|minimum"
_MORE = r"more than|over|above|exceeding|greater than"
_FEWER = r"fewer than|less than|under"
_TIMES = r"(?:\s*(?:times|x\b|events|attempts|occurrences))?"
_MANY = re.compile(
    rf"\b(?:(?P<before>{_AT_LEAST}|{_MORE}|{_FEWER}|at most)\s+)?{_NUMBER}"
    rf"(?P<after>\s*\+|\s+(?:or|and)\s+(?:more|over)|\s+(?:or\s+)?(?:fewer|less))?"
    rf"(?P<times>{_TIMES})(?:\s*in a row)?(?=\W|$)",
    re.IGNORECASE,
)
_DISTINCT = re.compile(
    r"^\s*(?:different|distinct|unique|separate)\s+(?P<what>[a-z]+(?:\s+(?:addresses|ids|names|agents))?)",
    re.IGNORECASE,
)
_PLAIN_MANY = re.compile(r"^\s+(?P<what>users|accounts|people|ips|ip addresses|addresses|countries)\b", re.IGNORECASE)
_BY_ONE = re.compile(
    r"[,;]?\s*\b(?:from|by|for|of|against|on)\s+(?:exactly\s+)?(?:the\s+)?"
    r"(?:one|same|a single|single|each|every|any one)"
    r"\s+(?P<what>user|account|person|ip|ip address|address|source|source ip|host)\b"
    r"|[,;]?\s*\b(?:per|by)\s+(?P<per>user|account|ip|ip address|address|source ip|source address)\b",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"^\s*(?:(?:an?|any|one|some|the same|a single|each)\s+(?P<who>user|account|person|employee|identity|ip|ip address|"
    r"address|source ip|host)|(?P<body>someone|somebody|anyone|anybody))\b",
    re.IGNORECASE,
)
_THEN = re.compile(
    r"\s*[,;]?\s*(?:\b(?:is|are|was|and\s+is|and)?\s*(?:directly\s+|soon\s+|shortly\s+)?followed\s+by\b|\band\s+then\b"
    r"|\bthen\b|\band\s+(?:afterwards|after that|later)\b|\bbefore\b)\s*",
    re.IGNORECASE,
)
_AFTER = re.compile(r"\s*\b(?:right\s+|soon\s+|shortly\s+|just\s+)?after\b\s*", re.IGNORECASE)
_BOTH = re.compile(r"^\s*both\s+(?P<a>.+?)\s+and\s+(?P<b>.+)$", re.IGNORECASE)
_HALF_SUBJECT = re.compile(
    r"^\s*(?:(?:the same|same|that|this|an?|the)\s+(?:user|account|person|ip|address)|someone|somebody|they)\b", re.I
)
_FIELDS = {
    "user": "m_user", "account": "m_user", "person": "m_user", "employee": "m_user", "identity": "m_user",
    "people": "m_user", "name": "m_user", "ip": "m_src_ip", "address": "m_src_ip", "source": "m_src_ip",
    "source ip": "m_src_ip", "ip address": "m_src_ip", "host": "m_src_ip", "source address": "m_src_ip",
    "addresse": "m_src_ip", "ip addresse": "m_src_ip", "target": "m_target", "resource": "m_target",
    "action": "m_action", "destination": "m_dst_ip",
}  # fmt: skip
_CLEAN = ((re.compile(r"\bfails?\s+to\s+(?:log|sign)\s*(?:in|on)\b", re.I), "failed login"),
          (re.compile(r"\bfails?\s+to\s+(?:login|authenticate)\b", re.I), "failed login"),
          (re.compile(r"\bfails?\s+(?:the\s+|a\s+)?(?:login|logon|authentication)s?\b", re.I), "failed login"),
          (re.compile(r"\bthere\s+(?:is|are|was|were)\b", re.I), ""),
          (re.compile(r"\s+(?:from|by|for|of|to|with)\s*$", re.I), ""),
          (re.compile(r"\b(?:it\s+)?happens\b|\boccurs?\b|\bsees?\s*$|\bhappened\b", re.I), ""))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Halves:
    """Two things that must both happen; ``ordered``: the first of them first."""

    first: str
    second: str
    ordered: bool


@dataclass(frozen=True, slots=True)
class RuleWords:
    """A rule's words, taken apart. What they do not say is empty."""

    title: str
    event: str
    """What happens, as a question for the parser."""
    halves: Halves | None = None
    level: str = ""
    bound: Bound | None = None
    threshold: int = 0
    distinct: str = ""
    """Column, or a word for one, whose different values are counted instead of events."""
    timespan: timedelta | None = None
    group: str = ""
    """Column whose values are counted apart."""
    once_in: str = ""
    """No second alert within this time, such as ``1h``."""


def read_words(words: str) -> RuleWords:
    """Take the words of a rule apart. Nothing is refused here: what is not understood stays in ``event``."""
    text = " ".join("".join(each if each.isprintable() else " " for each in words).split())
    found = RuleWords("", "")
    text, found = _lead(text, found)
    if match := _CALLED.search(text):
        found, text = replace(found, title=match["title"]), _without(text, match)
    if match := _SEVERITY.search(text):
        level = (match["level"] or match["level2"]).lower()
        found, text = replace(found, level=level), _without(text, match)
    if match := _ONCE.search(text):
        length = _length(match["n"], match["unit"])
        found, text = replace(found, once_in=duration_text(length)), _without(text, match)
    found = replace(found, title=found.title or _title(text))
    text, found = _together(*_span(text, found))
    if halves := _halves(text):
        first, found = _many(halves.first, found)
        return replace(found, event=_cleaned(text), halves=replace(halves, first=_cleaned(first)))
    text, found = _many(text, found)
    text, found = _subject(text, found)
    return replace(found, event=_cleaned(text))


def _lead(text: str, found: RuleWords) -> tuple[str, RuleWords]:
    match = _LEAD.match(text)
    if match is None:
        return text, found
    level = (match["level"] or match["level2"] or "").lower()
    return text[match.end() :], replace(found, level=level)


def _span(text: str, found: RuleWords) -> tuple[str, RuleWords]:
    match = _SPAN.search(text)
    if match is None:
        return text, found
    span = _length("1", match["bare"]) if match["bare"] else _length(match["n"], match["unit"])
    return _without(text, match), replace(found, timespan=span)


def _many(text: str, found: RuleWords) -> tuple[str, RuleWords]:
    """The first number that says how many: "5+ times", "more than 10 different users", "5 failed logins"."""
    for match in _MANY.finditer(text):
        if match.start() and text[match.start() - 1] in ".:/-@_":
            continue  # a part of an address or a name
        if re.search(r"\b(?:top|bottom|first|last)\s*$", text[: match.start()], re.IGNORECASE):
            continue  # how many are to be shown
        before, after = (match["before"] or "").lower(), (match["after"] or "").lower()
        behind = text[match.end() :]
        if re.match(r"[.:/\-@_]\w", behind):
            continue
        bound: Bound = "gte"
        if re.fullmatch(_MORE, before):
            bound = "gt"
        elif re.fullmatch(_FEWER, before):
            bound = "lt"
        elif before == "at most" or "fewer" in after or "less" in after:
            bound = "lte"
        found = replace(found, bound=bound, threshold=_number(match["n"]))
        counted = _DISTINCT.match(behind) or _PLAIN_MANY.match(behind)
        if counted:
            what = counted["what"].lower()
            found = replace(found, distinct=_field(what) or what)
            behind = behind[counted.end() :]
        return f"{text[: match.start()].rstrip()} {behind.lstrip()}".strip(), found
    return text, found


def _together(text: str, found: RuleWords) -> tuple[str, RuleWords]:
    """Whose events are counted apart, where that is said: "from one address", "per user"."""
    while match := _BY_ONE.search(text):
        group = _field((match["what"] or match["per"]).lower())
        text, found = _without(text, match), replace(found, group=group)
    return text, found


def _subject(text: str, found: RuleWords) -> tuple[str, RuleWords]:
    """Who does it, where that is anybody: "a user", "somebody"."""
    if match := _SUBJECT.match(text):
        group = "m_user" if match["body"] else _field(match["who"].lower())
        return text[match.end() :].strip(), found if found.group else replace(found, group=group)
    return text, found


def _halves(text: str) -> Halves | None:
    if match := _BOTH.match(text):
        return Halves(_half(match["a"]), _half(match["b"]), ordered=False)
    for pattern, ordered in ((_THEN, (0, 1)), (_AFTER, (1, 0))):
        parts = [each for each in pattern.split(text, maxsplit=1) if each.strip()]
        if len(parts) == 2:
            return Halves(_half(parts[ordered[0]]), _half(parts[ordered[1]]), ordered=True)
    return None


def _half(text: str) -> str:
    """One half without its subject: "the same user logs in" is "logs in"."""
    return _cleaned(_HALF_SUBJECT.sub("", text))


def _cleaned(text: str) -> str:
    for pattern, instead in _CLEAN:
        text = pattern.sub(instead, text)
    return " ".join(text.split()).strip(" ,;.!?")


def _without(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()].rstrip()} {text[match.end() :].lstrip()}".strip()


def _title(text: str) -> str:
    text = text.strip(" .!?,;")[:120]
    return text[:1].upper() + text[1:]


def _number(text: str) -> int:
    text = text.lower()
    if text.isdigit():
        return int(text)
    return _SPECIAL.get(text) or _COUNTS.index(text) + 1


def _length(number: str | None, unit: str) -> timedelta:
    unit = unit.lower()
    seconds = _UNITS.get(unit) or _UNITS[unit.rstrip("s")]
    return timedelta(seconds=seconds * (_number(number) if number else 1))


def _field(word: str) -> str:
    """The column that a word names; empty where only the log type can tell."""
    return _FIELDS.get(word) or _FIELDS.get(word.removesuffix("es")) or _FIELDS.get(word.removesuffix("s"), "")
