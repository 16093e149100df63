"""Everything that is known of the streams of the configured sources, from the state store alone: nobody is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mantissa_core.lake.intent import PROGRESS, STREAMS, partition
from mantissa_core.model import Window
from mantissa_core.state import State

from .attempts import Attempt, Attempts
from .backfill import stream_name
from .coverage import Coverage
from .histogram import Histogram
from .progress import Figures, Progress

ENOUGH = 20
"""Spans that a histogram must hold before it says what is normal."""
NEAR = 0.9
"""Share of the overlap from which on late events suggest that later ones are missed."""


@dataclass(frozen=True, slots=True)
class StreamReport:
    """One stream. ``covered`` holds what live collection and backfills read, ``gaps`` what lies unread between.

    Both are empty for a stream that is not read by time. ``left`` is what a backfill has still to read.
    """

    label: str
    stream: str
    attempt: Attempt
    figures: Figures
    covered: Sequence[Window] = ()
    gaps: Sequence[Window] = ()
    left: Sequence[Window] = ()
    reached: datetime | None = None
    overlap: timedelta = timedelta(0)
    delay: timedelta = timedelta(0)
    log_type: str = ""

    @property
    def windowed(self) -> bool:
        """Whether it is read by time."""
        return self.reached is not None

    @property
    def missing(self) -> timedelta:
        """The length of all gaps together."""
        return sum((each.end - each.start for each in self.gaps), timedelta(0))

    def lag(self, share: float) -> float | None:
        """The seconds from an event to its ingestion that ``share`` of the events do not exceed."""
        return Histogram(self.figures.lag).quantile(share)

    @property
    def too_late(self) -> bool:
        """Whether events come so late that the overlap may miss some."""
        return self.windowed and bool(self.figures.late) and self.figures.late >= NEAR * self.overlap.total_seconds()

    def cadence(self) -> float | None:
        """The longest usual time between two arrivals, in seconds; ``None`` until enough is known."""
        arrivals = Histogram(self.figures.arrivals)
        return arrivals.quantile(0.99) if arrivals.total >= ENOUGH else None


PUSHED = "pushed"
"""The name under which what a receiver gets is reported."""


def stream_reports(state: State, labels: Iterable[str], receivers: Iterable[str] = ()) -> Iterator[StreamReport]:
    """Every stream of these sources that was ever tried, by source and name; then one for each receiver."""
    attempts = Attempts(state)
    for label in labels:
        tried = {each.stream: each for each in attempts.all(label)}
        prefix = f"{label}/"
        stored = [document.key.removeprefix(prefix) for document in state.scan(STREAMS, prefix)]
        for name in sorted({*stored, *tried}):
            yield _report(state, label, name, tried.get(name) or Attempt(label, name))

    for label in receivers:
        figures = _progress(state, f"receive/{label}").figures
        if figures.pages:
            yield StreamReport(label, PUSHED, Attempt(label, PUSHED, last_success=figures.last_read), figures)


def live_and_filled(state: State, label: str, stream: str) -> tuple[Progress, Progress]:
    """The progress of a stream's live collection, and of its backfills."""
    return _progress(state, f"{label}/{stream}"), _progress(state, stream_name(label, stream))


def _report(state: State, label: str, name: str, attempt: Attempt) -> StreamReport:
    live, filled = live_and_filled(state, label, name)
    covered = Coverage([*live.covered.windows, *filled.covered.windows]).windows
    reached = live.reached
    gaps: Sequence[Window] = ()
    if covered and reached is not None:
        gaps = Coverage(covered).gaps(Window(covered[0].start, max(reached, covered[0].start)))
    return StreamReport(
        label,
        name,
        attempt,
        live.figures,
        covered,
        gaps,
        [Window(start, end) for start, end in filled.todo],
        reached,
        timedelta(seconds=live.overlap),
        timedelta(seconds=live.delay),
        live.log_type,
    )


def _progress(state: State, stream: str) -> Progress:
    document = state.get(partition(stream), PROGRESS)
    return Progress.load(document.value["value"]) if document else Progress()


def collector_state(state: State, label: str, stream: str) -> Mapping[str, Any]:
    """The collector's own state, as it was committed last."""
    document = state.get(partition(f"{label}/{stream}"), PROGRESS)
    return dict(document.value["value"].get("state", {})) if document else {}
