r"""RE2 expressions for Trino, whose own are Java's as its engine Joni reads them.

Joni finds more or less than RE2 by ``\s``, ``\b``, ``$`` and without regard to case (``(?i)ss`` finds ``ß``), so those
are written out. Nothing is passed on whose meaning is not known to be the same.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from mantissa_core.detect.ir.tree import Regex
from mantissa_core.errors import RuleError

_CHARACTER = r"\\x\{[0-9a-fA-F]{1,6}\}|\\x[0-9a-fA-F]{2}|\\.|."
_CLASS = r"\[\^?\]?(?:\\.|\[:|[^\]\\])*\]"
_PIECE = re.compile(rf"{_CLASS}|\(\?[a-zA-Z]*[:)]|\(\?.?|{_CHARACTER}", re.DOTALL)
_MEMBER = re.compile(_CHARACTER, re.DOTALL)
_SAME = frozenset("dDwWtnrfvaAz") | frozenset(r"\.^$|?*+()[]{}-/'" + '"' + "#&~,:;<>=!@%_` ")
_END = r"(?![\s\S])"
"""Not ``\\z``, by which Joni misses matches at the end of texts beyond ASCII."""
_SPACE = r"\t\n\f\r "
_WRITTEN = {
    "$": _END,
    r"\z": _END,
    r"\s": f"[{_SPACE}]",
    r"\S": r"[\S\x0b]",
    r"\b": r"(?:(?<=\w)(?!\w)|(?<!\w)(?=\w))",
    r"\B": r"(?:(?<=\w)(?=\w)|(?<!\w)(?!\w))",
}
_LINES = {"^": r"(?<![^\n])", "$": r"(?![^\n])"}
"""With the flag m."""
_IN_CLASS = {r"\s": _SPACE, r"\S": r"\S\x0b", "[": r"\[", "]": r"\]", "&": r"\&", "-": r"\-"}
_FOLDED = {r"\w": "[\\w\u017f\u212a]", r"\W": "[^\\w\u017f\u212a]"}
"""RE2 takes for parts of words what differs from k and s in case alone."""
_PLACES = frozenset({"^", "$", r"\A", r"\z", r"\b", r"\B"})
_QUANTIFIERS = frozenset("*+?{")
_WIDEST = 0x400
"""Characters of a range that are folded one by one."""


def as_java(expression: Regex, engine: str) -> str:
    """The expression in Joni's words.

    Raises:
        RuleError: something in it that the two read differently.
    """
    try:
        return "".join(_translated(expression))
    except _DifferentlyReadError as different:
        raise RuleError(
            f"the regular expression {expression} has {different}, which {engine} may read differently"
        ) from None


class _DifferentlyReadError(Exception):
    """What stands in the way."""


def _translated(expression: Regex) -> Iterator[str]:
    if "s" in expression.flags:
        yield "(?s)"
    folding = ["i" in expression.flags]  # of each open group; the last is that of where we are
    before = ""
    for piece in _PIECE.findall(expression.pattern):
        if piece in _QUANTIFIERS and (before in _PLACES or (before.endswith(")") and before.startswith("(?"))):
            raise _DifferentlyReadError(f"{before + piece!r}")
        before = piece
        if piece.startswith("(?"):
            flags, end = piece[2:-1], piece[-1]
            if end not in ":)" or not set(flags) <= {"i", "s"}:
                raise _DifferentlyReadError(f"a group {piece!r}")
            if end == ":":
                folding.append(folding[-1])
            folding[-1] |= "i" in flags
            kept = flags.replace("i", "")
            yield f"(?{kept}{end}" if kept or end == ":" else ""
        elif piece in _LINES and "m" in expression.flags:
            yield _LINES[piece]
        elif piece.startswith("[") and len(piece) > 1:
            yield _class(piece, folding[-1])
        elif piece in _WRITTEN:
            yield _WRITTEN[piece]
        else:
            if piece == "(":
                folding.append(folding[-1])
            elif piece == ")" and len(folding) > 1:
                folding.pop()
            yield _FOLDED[piece] if folding[-1] and piece in _FOLDED else _one(piece, folding[-1])


def _one(piece: str, folds: bool) -> str:
    """A character outside of classes."""
    found = _spelled(piece)
    others = _orbit(found) if folds and found is not None else ""
    return f"[{others}]" if others else piece


def _class(piece: str, folds: bool) -> str:
    """A class: its members, and where case does not count, all that differ from them in case alone."""
    start = 2 if piece.startswith("[^") else 1
    members = _MEMBER.findall(piece[start:-1])
    if "[:" in piece or "&&" in piece or (folds and r"\W" in members):
        raise _DifferentlyReadError(f"a class {piece!r}")
    written, more, at = [], "", 0
    while at < len(members):
        first = last = _spelled(members[at])
        text = _IN_CLASS.get(members[at], members[at])
        if at + 2 < len(members) and members[at + 1] == "-":
            last = _spelled(members[at + 2])
            text += "-" + _IN_CLASS.get(members[at + 2], members[at + 2])
            at += 2
        written.append(text)
        if folds and members[at] == r"\w":
            more += "\u017f\u212a"
        if folds and first is not None and last is not None:
            more += "".join(_orbit(each) for each in _range(first, last))
        at += 1
    return f"{piece[:start]}{''.join(written)}{''.join(sorted(set(more)))}]"


def _range(first: str, last: str) -> Iterator[str]:
    if ord(last) - ord(first) > _WIDEST:
        raise _DifferentlyReadError(f"a range of more than {_WIDEST} characters without regard to case")
    return (chr(each) for each in range(ord(first), ord(last) + 1))


def _spelled(piece: str) -> str | None:
    """The character that a piece stands for, ``None`` if it stands for several or for a place."""
    if not piece.startswith("\\"):
        return piece
    if piece.startswith(r"\x"):
        return chr(int(piece[2:].strip("{}"), 16))
    if piece[1] not in _SAME and piece not in _WRITTEN:
        raise _DifferentlyReadError(repr(piece))
    return None if piece[1].isalpha() else piece[1]


def _orbit(character: str) -> str:
    """All that differ from a letter in case alone, itself among them; nothing for what is no letter."""
    folded = character.casefold()
    if len(folded) > 1:
        raise _DifferentlyReadError(f"{character!r} without regard to case")
    others = _orbits()[folded]
    return others if len(others) > 1 else ""


@cache
def _orbits() -> dict[str, str]:
    """The characters that fold to one, by that one."""
    found: dict[str, str] = defaultdict(str)
    for character in map(chr, range(0x20000)):
        found[character.casefold()] += character
    return found
