"""Many literals found in many texts in one pass (Aho-Corasick)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property

import pyarrow as pa
from ahocorasick_rs import BytesAhoCorasick

BLOCK = 1 << 20
"""Bytes of text that are searched at a time: bounds the memory that the places found take."""


class Automaton:
    """Literals, to be looked for all at once."""

    def __init__(self, literals: Iterable[bytes]) -> None:
        self.literals = list(dict.fromkeys(literals))
        self._known = frozenset(self.literals)

    def knows(self, literals: Iterable[bytes]) -> bool:
        """Whether it looks for all of these."""
        return self._known.issuperset(literals)

    def search(self, folded: pa.StringArray) -> dict[bytes, list[int]]:
        """For each literal that occurs, the numbers of the texts that it ends in, ascending and each once.

        Texts are searched as one: a literal across a border counts as well, which is one candidate too many.
        """
        data, ends = _laid_out(folded)
        found: dict[int, list[int]] = {}
        begin = 0
        while begin < len(folded):
            last = max(begin + 1, bisect_right(ends, ends[begin] + BLOCK) - 1)
            block = data[ends[begin] : ends[last]]
            for literal, _, end in self._machine.find_matches_as_indexes(block, overlapping=True):
                numbers = found.setdefault(literal, [])
                number = bisect_right(ends, ends[begin] + end - 1, begin, last + 1) - 1
                if not numbers or numbers[-1] != number:
                    numbers.append(number)
            begin = last
        return {self.literals[literal]: numbers for literal, numbers in found.items()}

    @cached_property
    def _machine(self) -> BytesAhoCorasick:
        return BytesAhoCorasick(self.literals)


def _laid_out(texts: pa.StringArray) -> tuple[memoryview, list[int]]:
    """The bytes of all texts, and where each begins; one more number ends the last. ``texts`` has no null."""
    _, places, data = texts.buffers()
    if not len(texts) or data is None:
        return memoryview(b""), [0] * (len(texts) + 1)
    starts = pa.Array.from_buffers(pa.int32(), len(texts) + 1, [None, places], offset=texts.offset)
    return memoryview(data).cast("B"), starts.to_pylist()
