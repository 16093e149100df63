"""RE2 expressions for an engine whose own are Java's: what means the same in both, and nothing else."""

from __future__ import annotations

import re

from mantissa_core.detect.ir import Regex
from mantissa_core.errors import RuleError

_PIECE = re.compile(r"\\Q|\\.|\[\^?\]?|\]|\(\?P?[<:a-zA-Z-]?|\$|.", re.DOTALL)
_SAME = frozenset("dDsSwWbBtnrfvxAz") | frozenset(r"\.^$|?*+()[]{}-/'" + '"' + "#&~,:;<>=!@%_` ")


def as_java(expression: Regex, engine: str) -> str:
    r"""The expression with ``$`` as ``\z``, which is what RE2 means by it.

    Raises:
        RuleError: something in it that the two read differently.
    """

    def refuse(what: str) -> RuleError:
        return RuleError(f"the regular expression {expression} has {what}, which {engine} may read differently")

    parts, in_class = [], False
    for piece in _PIECE.findall(expression.pattern):
        if piece.startswith("\\") and piece[1] not in _SAME:
            raise refuse(repr(piece))
        if in_class:
            if piece.startswith("[") or piece == "&":
                raise refuse("a bracket or an ampersand inside a class")
            in_class = piece != "]"
        elif piece.startswith("["):
            in_class = True
        elif piece.startswith("(?") and piece not in {"(?:", "(?i", "(?s"}:
            raise refuse(f"a group {piece!r}")
        elif piece == "$":
            if "m" in expression.flags:
                raise refuse("a line's end")
            piece = r"\z"
        parts.append(piece)
    return f"(?{expression.flags})" * bool(expression.flags) + "".join(parts)
