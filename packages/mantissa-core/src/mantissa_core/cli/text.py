"""Untrusted text on a terminal: logs may hold escape sequences, and none may reach it."""

from __future__ import annotations

import unicodedata

_KEPT = frozenset("\n\t")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """``text`` with control, format and unassigned characters shown as ``\\xNN`` or ``\\uNNNN``.

    Line breaks and tabs stay. Format characters go too: they can reorder what a reader sees (bidi overrides).
    """
    if text.isprintable():
        return text
    return "".join(char if char in _KEPT or not _is_hidden(char) else _escaped(char) for char in text)


def one_line(text: str) -> str:
    """``text`` for a table's cell: printable, line breaks and tabs as spaces."""
    return " ".join(printable(text).split()) if not text.isprintable() else text


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in _HIDDEN


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
