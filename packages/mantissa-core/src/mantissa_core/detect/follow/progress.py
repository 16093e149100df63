"""How far each table was evaluated, by the rules and by each detector, and what could not be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from mantissa_core.state.documents import State

CURSORS, GAPS = "detect", "detect-gaps"
"""The state partitions: cursors by follower; gaps by table, rule and the rule's version."""

EVERY_RULE = "*"
LONGEST_ERROR = 500
"""Characters of an error that a gap keeps."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Versions ``first`` to ``last`` of ``table`` within which some were not evaluated by the rule, and why.

    ``rule`` is a rule's id or a detector's name; ``*`` where the lake's log no longer tells what the versions added.
    The last error is kept.
    """

    table: str
    rule: str
    rule_version: str
    first: int
    last: int
    error: str

    @property
    def key(self) -> str:
        """The document's key."""
        return f"{self.table}/{self.rule}/{self.rule_version}"


class Progress:
    """Cursors and gaps in the state store."""

    def __init__(self, state: State) -> None:
        self._state = state

    def cursor(self, follower: str) -> int | None:
        """The newest version of its table that ``follower`` evaluated, if it did any."""
        document = self._state.get(CURSORS, follower)
        return None if document is None else int(document.value["version"])

    def advance(self, follower: str, version: int) -> None:
        """Move the cursor forward to ``version``; it never moves back."""

        def forward(old: Mapping[str, Any] | None) -> Mapping[str, Any]:
            return {"version": max(version, int(old["version"]) if old else version)}

        self._state.update(CURSORS, follower, forward)

    def record(self, gap: Gap) -> None:
        """Add a gap, or widen the one that the rule already has in the table."""
        cut = replace(gap, error=gap.error[:LONGEST_ERROR])

        def widen(old: Mapping[str, Any] | None) -> Mapping[str, Any]:
            known = Gap(**old) if old else cut
            return asdict(replace(cut, first=min(known.first, cut.first), last=max(known.last, cut.last)))

        self._state.update(GAPS, gap.key, widen)

    def close(self, gap: Gap) -> None:
        """Forget a gap, unless it was widened in the meantime."""

        def closed(old: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
            return old if old and (old["first"], old["last"]) != (gap.first, gap.last) else None

        self._state.update(GAPS, gap.key, closed)

    def gaps(self) -> list[Gap]:
        """Every gap that was recorded."""
        return [Gap(**document.value) for document in self._state.scan(GAPS)]
