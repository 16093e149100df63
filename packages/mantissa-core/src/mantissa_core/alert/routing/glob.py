"""Patterns with ``*``, ``?`` and ``[…]``, compared without regard to case."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import Annotated

from pydantic import AfterValidator


def _checked(pattern: str) -> str:
    if not pattern.strip():
        raise ValueError("a pattern: '*' stands for anything, '?' for one character")
    if "[" in re.sub(r"\[!?\]?[^\]]*\]", "", pattern):
        raise ValueError("a ']' for each '['; a bracket that is meant as such is written '[[]'")
    return pattern


Glob = Annotated[str, AfterValidator(_checked)]
"""A pattern as the configuration holds it."""


class Globs:
    """Several patterns, of which one must fit. Hostile texts cost no more than others: what matches never goes back."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._fits = re.compile("|".join(map(translate, patterns)), re.IGNORECASE).match

    def any(self, values: Iterable[str]) -> bool:
        """Whether a pattern fits one of the values."""
        return any(map(self._fits, values))
