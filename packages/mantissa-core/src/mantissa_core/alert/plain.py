"""Untrusted text on a terminal: shown, never obeyed."""

from __future__ import annotations

import unicodedata

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str) -> str:
    r"""The text with everything that steers a terminal or reorders a line spelled out (``\x1b``, ``\u202e``).

    Log contents come from attackers: an escape sequence could rewrite the screen, set the clipboard or hide
    the line above. Covers C0 and C1 controls, bidirectional overrides, zero-width and unassigned characters.
    """
    return "".join(_spelled(each) if unicodedata.category(each) in _INVISIBLE else each for each in text)


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def inert(text: str) -> str:
    """As :func:`plain`, for programs that make links of addresses: ``https[:]//example.com`` is none.

    Whoever writes into a log could otherwise put a link of theirs before the person who answers the alert.
    """
    return plain(text).replace("://", "[:]//")
