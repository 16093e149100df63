"""Which spans of time of a stream have been read: half-open intervals that merge as they meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from mantissa_core.model import Window

MOST_WINDOWS = 500
"""Windows that are remembered. Beyond it the oldest is forgotten: that claims less, never more."""


class Coverage:
    """A set of instants, kept as disjoint windows in rising order."""

    def __init__(self, windows: Iterable[Window] = ()) -> None:
        self.windows: list[Window] = []
        for window in windows:
            self.add(window)

    def add(self, window: Window) -> None:
        """Count ``window`` as covered."""
        if window.start == window.end:
            return
        touching = [each for each in self.windows if each.start <= window.end and window.start <= each.end]
        rest = [each for each in self.windows if each not in touching]
        start = min([window.start, *(each.start for each in touching)])
        end = max([window.end, *(each.end for each in touching)])
        self.windows = sorted([*rest, Window(start, end)], key=lambda each: each.start)[-MOST_WINDOWS:]

    def gaps(self, within: Window) -> list[Window]:
        """The parts of ``within`` that are not covered, in order."""
        gaps, at = [], within.start
        for window in self.windows:
            if window.end <= at or window.start >= within.end:
                continue
            if window.start > at:
                gaps.append(Window(at, window.start))
            at = max(at, window.end)
        return [*gaps, Window(at, within.end)] if at < within.end else gaps

    @property
    def end(self) -> datetime | None:
        """The end of the last covered window."""
        return self.windows[-1].end if self.windows else None

    def to_json(self) -> list[list[str]]:
        """Pairs of ISO 8601 texts."""
        return [[window.start.isoformat(), window.end.isoformat()] for window in self.windows]

    @classmethod
    def from_json(cls, pairs: Sequence[Sequence[str]]) -> Coverage:
        """The reverse of :meth:`to_json`."""
        return cls(Window(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in pairs)
