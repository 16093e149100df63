"""Another try at what rules could not evaluate: recorded gaps, and what came of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mantissa_core.detect.signals import SIGNALS
from mantissa_core.errors import LakeError
from mantissa_core.lake.files import DataFile
from mantissa_core.lake.lake import Lake
from mantissa_core.model import Signal

from .backfill import store_missing
from .follower import Failures, Follower
from .progress import EVERY_RULE, Gap, Progress

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlator import Correlator

TRANSACTION = "detect:gaps"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a gap: the signals that were missing, and where it is still a gap, why."""

    gap: Gap
    signals: tuple[Signal, ...] = ()
    problem: str = ""


class GapReplay:
    """Evaluates gaps by the rules as they are now. ``followers`` and ``correlator`` are the engine's."""

    def __init__(
        self,
        lake: Lake,
        progress: Progress,
        followers: Sequence[Follower],
        correlator: Correlator,
        shadows: frozenset[str] = frozenset(),
    ) -> None:
        self._lake, self._progress, self._shadows = lake, progress, shadows
        self._followers, self._correlator = followers, correlator

    def run(self, rules: Collection[str] = ()) -> Iterator[Replayed]:
        """Try every gap, or those of some rules, and forget those that are none any more.

        Raises:
            LakeError: signals cannot be stored.
            Fenced: another replay stored some in the meantime.
        """
        for gap in self._progress.gaps():
            if not rules or gap.rule in rules:
                yield self._replayed(gap)

    def _replayed(self, gap: Gap) -> Replayed:
        try:
            table = self._lake.table(gap.table)
            files = [file for _, added in table.added(gap.first - 1, gap.last) for file in added]
        except LakeError as error:
            return Replayed(gap, problem=f"{error}; 'mantissa detect --from' evaluates stored events by their time")
        failures = Failures(gap.table, gap.last)
        found = self._found(gap, files, failures)
        if found is None:
            return Replayed(gap, problem="no rule of that id reads the table now")
        stored = tuple(store_missing(self._lake, found, TRANSACTION, self._shadows))
        if failures.gaps:
            return Replayed(gap, stored, failures.gaps[0].error)
        self._progress.close(gap)
        return Replayed(gap, stored)

    def _found(self, gap: Gap, files: Sequence[DataFile], failures: Failures) -> Iterator[Signal] | None:
        if gap.table == SIGNALS.name:
            return self._correlator.again(gap.rule, files, failures)
        followers = [each for each in self._followers if each.table == gap.table]
        if gap.rule != EVERY_RULE:
            followers = [each for each in followers if gap.rule in each.rules]
        return self._signals(gap, followers, files, failures) if followers else None

    def _signals(
        self, gap: Gap, followers: Sequence[Follower], files: Sequence[DataFile], failures: Failures
    ) -> Iterator[Signal]:
        for follower in followers:
            one = follower if gap.rule == EVERY_RULE else follower.only(gap.rule)
            yield from one.signals(self._lake.table(gap.table), files, failures)
