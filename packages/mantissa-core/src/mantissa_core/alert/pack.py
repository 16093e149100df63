"""Changes of several alerts in one commit: the disk is waited for once, not for each of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mantissa_core.model.alert import Alert
from mantissa_core.model.document import Put
from mantissa_core.state.limits import MAX_DOCUMENTS

PATIENCE = 0.2
"""Seconds after which a pack is written however small it is: an enricher that is slow about one alert must not hold up
the others."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be written about one alert: all of it, or nothing. ``taken`` signals of its group are in it."""

    group: str
    alert: Alert
    new: bool
    taken: int
    puts: Sequence[Put]
    expects: Mapping[str, int]


@dataclass(slots=True)
class Pack:
    """Changes that are written together. They share no document, and none depends on another."""

    edits: list[Edit] = field(default_factory=list)
    puts: list[Put] = field(default_factory=list)
    expects: dict[str, int] = field(default_factory=dict)
    _keys: set[str] = field(default_factory=set)
    _until: float = field(default_factory=lambda: time.monotonic() + PATIENCE)

    def has_room(self, edit: Edit) -> bool:
        """Whether a change may join. One that is too large for any commit has a pack of its own."""
        return not self.edits or (
            len(self.puts) + len(edit.puts) <= MAX_DOCUMENTS
            and time.monotonic() < self._until
            and self._keys.isdisjoint(_keys(edit))
        )

    def add(self, edit: Edit) -> None:
        """Take a change in."""
        self.edits.append(edit)
        self.puts += edit.puts
        self.expects |= edit.expects
        self._keys |= _keys(edit)


def _keys(edit: Edit) -> set[str]:
    return {*edit.expects, *(put.key for put in edit.puts)}
