"""What this process did lately, by key: a plugin that is asked for the same thing again need not do it twice."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

V = TypeVar("V")

MOST = 1_000


class Recent(OrderedDict[str, V]):
    """The last thousand keys that were set, in their order; the oldest makes room."""

    def __setitem__(self, key: str, value: V) -> None:
        super().__setitem__(key, value)
        while len(self) > MOST:
            self.popitem(last=False)
