"""Chance with a seed: the only source of variety in a simulation."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")

UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
"""The alphabet of AWS's key and principal ids (base 32)."""

MIXED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Draw(random.Random):
    """A random generator named by what it is for, so that drawing more in one place changes nothing elsewhere.

    A text seed is hashed with SHA-512 by ``random``: equal in every process, unlike ``hash``.
    """

    def __init__(self, *name: object) -> None:
        super().__init__("/".join(map(str, name)))

    def hex(self, digits: int) -> str:
        """Lower-case hexadecimal digits."""
        return f"{self.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        """A version 4 UUID."""
        text = f"{self.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"

    def text(self, length: int, alphabet: str = MIXED) -> str:
        """Characters of ``alphabet``."""
        return "".join(self.choices(alphabet, k=length))

    def aws_id(self, prefix: str) -> str:
        """A principal or key id of 20 characters that ends in EXAMPLE, as AWS's documentation writes them."""
        return prefix + self.text(13 - len(prefix), UPPER) + "EXAMPLE"


class Mix(Generic[T]):
    """Things to choose from, each with a weight."""

    def __init__(self, weighted: Sequence[tuple[float, T]]) -> None:
        self._things = [thing for _, thing in weighted]
        self._bounds = list(accumulate(weight for weight, _ in weighted))

    def pick(self, draw: random.Random) -> T:
        """One of them; a thing of twice the weight comes twice as often."""
        return self._things[bisect_right(self._bounds, draw.random() * self._bounds[-1])]
