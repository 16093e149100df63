"""Shorthand and signs written out: ``>3`` is "more than 3", ``yday`` is "yesterday", ``couldn't`` is "could not"."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from functools import cache

_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b"
)
_NOT_A_NAME = "".join(rf"(?<!\b{each} )" for each in (
    "by", "user", "for", "from", "of", "did", "and", "or", "in", "not", "last", "this", "since"
))  # fmt: skip
"""What stands at the end behind none of these is a month, and not somebody called Jan."""
_SIGNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), written)
    for pattern, written in (
        ("’", "'"),
        (r"\b(today|yesterday|week|month|quarter|year|morning|night|weekend|\w+day)'s\b", r"\1"),
        (r"^\s*#\s*(?=[a-z])", "number of "),
        (r"^\s*(?:req|rfi|rfc|task|ticket|incident|inc)\b[-\s#\d]*:\s*", ""),
        (
            r"\bthis (day|week|month|quarter|year) (than|vs\.?|versus|and) (?:in )?the \1 before\b",
            r"this \1 \2 last \1",
        ),
        (r"\((\d{1,3} (?:hours|days|weeks|months))\)", r"in the last \1"),
        (rf"(?<=\s){_NOT_A_NAME}(jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)\s*[?.!]*$", r"in \1"),
        (rf"\bthe first of (?={_MONTH})", "1 "),
        (rf"\b\w+day,? (?=the \d{{1,2}}(?:st|nd|rd|th) of {_MONTH})", ""),
        (rf"\bbetween (?:the )?(\d{{1,2}}) and (?:the )?(\d{{1,2}}) ({_MONTH})", r"between \1 \3 and \2 \3"),
        (r">=\s*(?=\d)|≥\s*(?=\d)", " at least "),
        (r"<=\s*(?=\d)|≤\s*(?=\d)", " at most "),
        (r">\s*(?=\d)", " more than "),
        (r"<\s*(?=\d)", " fewer than "),
        (r"\b(\d{1,6})\+(?!\w)", r"at least \1"),
        (r"\b(\w+)\s+(?:or|and)\s+(?:more|above|over)\b", r"at least \1"),
        (r"\b(\w+)\s+or\s+(?:fewer|less|below)\b", r"at most \1"),
        (r"\b(more than|fewer than|less than|at least|at most|over)\s+(?:one|a single)\b", r"\1 1"),
        (r"(?<=\s)/\s?(minute|min|hour|hr|day|week|month|user|ip)\b", r"per \1"),
        (r"\b(can|could|would|did|do|does|was|were|is|are|has|have|had)n['’]t\b", r"\1 not"),
        (r"\b(?:cannot|can['’]t)\b", "can not"),
        (r"\b(i|we|you|they|he|she|who|what|it|that|there|let)['’](?:d|ve|ll|re|m|s)\b", r"\1"),
    )
)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
            "twelve": 12, "fifteen": 15, "twenty": 20, "fifty": 50, "hundred": 100}  # fmt: skip
_NUMBER = re.compile(rf"\b({'|'.join(_NUMBERS)})\b(?!\s*-?\s*factor)", re.IGNORECASE)
_SHORTEST = 7
"""Shorter words have too many neighbours to be corrected."""


_SIGN_IN = tuple(
    (re.compile(pattern, re.IGNORECASE), written)
    for pattern, written in (
        (r"\b(?:signed|logged)[- ]?on\b|\bsigned[- ]?in(?:to)?\b", "logged in"),
        (r"\bsign(?:ing)?[- ]?(?:in|on)\b|\blog[- ]?on\b|\bsigns (?:in|on)\b", "login"),
        (r"\bsign[- ]?(?:in|on)s\b|\blog[- ]?ons\b", "logins"),
    )
)


def as_login(text: str) -> str:
    """Signing in and logging on are logging in."""
    for pattern, written in _SIGN_IN if "sign" in text.lower() or "on" in text.lower() else ():
        text = pattern.sub(written, text)
    return text


def written_out(question: str, short: Mapping[str, str]) -> str:
    """The question with its shorthand (``short``), signs and numbers in words written out. Quoted texts stay."""
    pieces = re.split(r'("[^"]*"|`[^`]*`)', question)
    return "".join(each if number % 2 else _written(each, short) for number, each in enumerate(pieces))


def _written(text: str, short: Mapping[str, str]) -> str:
    for pattern, written in _SIGNS:
        text = pattern.sub(written, text)
    text = _NUMBER.sub(lambda found: str(_NUMBERS[found[0].lower()]), text)
    return as_login(_words(tuple(short)).sub(lambda found: short[found[0].lower()], text))


@cache
def _words(short: tuple[str, ...]) -> re.Pattern[str]:
    either = "|".join(map(re.escape, sorted(short, key=len, reverse=True)))
    return re.compile(rf"(?<![\w@.:/-])(?:{either})(?![\w@:/-]|\.\w)", re.IGNORECASE)


def near(word: str, known: Iterable[str], cutoff: float = 0.88, shortest: int = _SHORTEST) -> str | None:
    """The one known word that this is a slip of, if it is long enough to tell."""
    word = word.lower()
    if len(word) < shortest or not word.isalpha():
        return None
    alike = [each for each in known if each[:1] == word[:1] and abs(len(each) - len(word)) <= 2]
    found = difflib.get_close_matches(word, alike, 2, cutoff)
    return found[0] if found else None
