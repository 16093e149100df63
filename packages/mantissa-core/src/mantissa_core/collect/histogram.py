"""Spans of time counted in fixed buckets: as small after a year as after an hour."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400

BOUNDS: Sequence[int] = (
    1, 2, 5, 10, 20, 30,
    _MINUTE, 2 * _MINUTE, 3 * _MINUTE, 5 * _MINUTE, 7 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 20 * _MINUTE, 30 * _MINUTE,
    _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR,
    _DAY, 2 * _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY,
)  # fmt: skip
"""Seconds: a bucket counts what is at most its bound and more than the one before; one more counts the rest."""

MEMORY = 100_000
"""Counts after which all are halved: what happened lately outweighs what happened long ago."""


class Histogram:
    """Counts by bucket of :data:`BOUNDS`. Answers with a bucket's upper bound, in seconds."""

    def __init__(self, counts: Sequence[int] = ()) -> None:
        self.counts = [*counts, *[0] * (len(BOUNDS) + 1 - len(counts))]

    @property
    def total(self) -> int:
        """How many spans are counted."""
        return sum(self.counts)

    def add(self, seconds: float, count: int = 1) -> None:
        """Count spans of one length; a negative one (a clock that is ahead) counts as none."""
        self.counts[bisect_left(BOUNDS, seconds)] += count

    def merge(self, other: Histogram) -> None:
        """Count what ``other`` counted too, and forget half where that makes too many."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        while self.total > MEMORY:
            self.counts = [count // 2 for count in self.counts]

    def quantile(self, share: float) -> float | None:
        """The span that ``share`` of them do not exceed: infinite beyond the last bound, ``None`` without any."""
        total = self.total
        if not total:
            return None
        rank = share * total
        at = next(at for at, below in enumerate(accumulate(self.counts)) if below and below >= rank)
        return float(BOUNDS[at]) if at < len(BOUNDS) else float("inf")

    def to_json(self) -> list[int]:
        """The counts, without the empty buckets at the end."""
        last = max((at for at, count in enumerate(self.counts) if count), default=-1)
        return self.counts[: last + 1]
