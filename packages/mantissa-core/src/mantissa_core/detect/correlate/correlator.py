"""Correlations over the table ``signals``, each new signal and each stretch of time once.

Those that more matches can only add to (``monotone``) follow the table's versions, as rules follow theirs: the results
of the versions up to ``n`` are committed with the transaction ``(detect:correlate/signals, n)``. The others wait for
the watermark; their cursor is the time up to which they were decided, in microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from mantissa_core.detect.follow.failing import FailingRules
from mantissa_core.detect.follow.follower import Failures
from mantissa_core.detect.follow.progress import EVERY_RULE, Gap, Progress
from mantissa_core.detect.rules.stages import shadowed
from mantissa_core.detect.signals import SIGNALS, commit_signals
from mantissa_core.errors import LakeError
from mantissa_core.lake.files import DataFile
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.table import Table
from mantissa_core.model import Signal
from mantissa_core.state.documents import State

from .correlation import Correlation
from .hits import Hit, micros, micros_of, moment, read_hits
from .results import results
from .watermark import LATENESS, delays, newest_events, tables_below

CURSOR = "correlate/signals"
LATE = "detect-late"
"""The state partition that counts, by correlation, the matches that came after their time was decided."""

_log = structlog.get_logger(__name__)


class Correlator:
    """Evaluates linked correlations, each after those that it refers to.

    ``tables`` are those of the plain rules, by the rules' ids.
    """

    def __init__(
        self,
        lake: Lake,
        state: State,
        correlations: Sequence[Correlation],
        tables: Mapping[str, Iterable[str]],
        *,
        lateness: timedelta = LATENESS,
        start: str = "beginning",
        failing: FailingRules | None = None,
    ) -> None:
        self._lake, self._state, self._progress = lake, state, Progress(state)
        self._correlations, self._lateness, self._start = correlations, lateness, start
        self._tables = tables_below(correlations, tables)
        self._delays = delays(correlations)
        self._shadows: frozenset[str] = frozenset()
        self._failing = failing or FailingRules(state)

    def newest(self) -> dict[str, datetime]:
        """The newest event times of the tables that somebody waits for; to be asked before the rules are run."""
        waiting = [each for each in self._correlations if not each.monotone]
        return newest_events(self._lake, {name for each in waiting for name in self._tables[each.id]})

    def run(self, newest: Mapping[str, datetime], shadows: frozenset[str] = frozenset()) -> Iterator[Signal]:
        """Evaluate what is new, where every event up to the times of ``newest`` was seen by the rules.

        ``shadows`` are the ids of correlations on trial. Matches of rules on trial count like others.

        Raises:
            LakeError: the table ``signals`` cannot be read, or takes no commit.
            Fenced: another engine commits signals.
        """
        self._shadows = shadows
        yield from self._follow()
        for each in self._correlations:
            times = [newest[table] for table in self._tables[each.id] if table in newest]
            if not each.monotone and times:
                yield from self._settle(each, micros(min(times) - self._lateness))
                yield from self._follow()

    # --- as signals come in ---------------------------------------------------------------------------------

    def _follow(self) -> Iterator[Signal]:
        """The results of what was committed, and the results of these, until there are no more."""
        if SIGNALS.name not in self._lake.tables():
            return
        table = self._lake.ensure(SIGNALS)
        while (newest := table.version()) > (cursor := self._cursor(table)):
            if self._correlations:
                yield from self._new(table, cursor, newest)
            self._progress.advance(CURSOR, newest)

    def _cursor(self, table: Table) -> int:
        stored, committed = self._progress.cursor(CURSOR), table.committed(_transaction(CURSOR))
        if stored is None and committed < 0 and self._start == "now":
            committed = table.version()
        return max(committed, -1 if stored is None else stored)

    def _new(self, table: Table, cursor: int, newest: int) -> Iterator[Signal]:
        try:
            files = [file for _, added in table.added(cursor, newest) for file in added]
        except LakeError as error:
            self._progress.record(Gap(table.name, EVERY_RULE, "", cursor + 1, newest, str(error)))
            _log.warning("signals lost to correlation", first=cursor + 1, last=newest, error=str(error))
            return
        fresh = self._times(table, files)
        found: list[Signal] = []
        for each in self._correlations:
            times = [time for rule_id in set(each.ids.values()) for time in fresh.get(rule_id, ())]
            if not times:
                continue
            if each.monotone:
                found += self._results(each, min(times), max(times) + micros_of(each.timespan) + 1, newest)
            else:
                self._await(table, each, times)
        yield from commit_signals(table, found, _transaction(CURSOR), newest)

    def _times(self, table: Table, files: Sequence[DataFile]) -> dict[str, list[int]]:
        """By rule the times of the new matches that correlations are about."""
        ids = {rule_id for each in self._correlations for rule_id in each.ids.values()}
        found: dict[str, list[int]] = {}
        for hit in read_hits(table, files, ids, ()):
            found.setdefault(hit.rule, []).append(hit.time)
        return found

    # --- as time passes -------------------------------------------------------------------------------------

    def _await(self, table: Table, correlation: Correlation, times: Sequence[int]) -> None:
        """Begin to decide with the first match; count those that come too late to be decided."""
        decided, ahead = self._decided(table, correlation), self._ahead(correlation)
        if decided is None:
            first = min(times) + ahead - micros_of(self._lateness)
            self._progress.advance(_settling(correlation), max(0, first))
            return
        late = sum(time + ahead < decided for time in times)
        if late:
            self._state.update(LATE, correlation.id, lambda old: {"count": int(old["count"] if old else 0) + late})

    def _decided(self, table: Table, correlation: Correlation) -> int | None:
        """The time up to which the correlation was decided; ``None`` where it never had a match."""
        name = _settling(correlation)
        stored, committed = self._progress.cursor(name), table.committed(_transaction(name))
        return None if stored is None and committed < 0 else max(committed, stored or 0)

    def _settle(self, correlation: Correlation, watermark: int) -> Iterator[Signal]:
        """Decide the matches whose window has ended since the last time."""
        if SIGNALS.name not in self._lake.tables():
            return
        table, name = self._lake.ensure(SIGNALS), _settling(correlation)
        decided = self._decided(table, correlation)
        if decided is None or watermark <= decided:
            return
        ahead = self._ahead(correlation)
        found = self._results(correlation, decided - ahead, watermark - ahead, table.version())
        yield from commit_signals(table, found, _transaction(name), watermark)
        self._progress.advance(name, watermark)

    def _ahead(self, correlation: Correlation) -> int:
        return micros_of(correlation.ahead + self._delays[correlation.id])

    # --- both -----------------------------------------------------------------------------------------------

    def _results(self, correlation: Correlation, first: int, until: int, version: int) -> list[Signal]:
        """The results at ``first <= time < until`` that are not stored yet. A failure leaves a gap."""
        try:
            found = self._evaluated(correlation, first, until)
        except LakeError:
            raise
        except Exception as error:  # noqa: BLE001  # a gap names the correlation; the others go on
            text = f"{type(error).__name__}: {error}"
            self._progress.record(Gap(SIGNALS.name, correlation.id, correlation.version, version, version, text))
            _log.warning("correlation failed", rule=correlation.id, source=correlation.source, error=text)
            self._failing.failed(correlation.id, correlation.title, SIGNALS.name, text)
            return []
        self._failing.worked([correlation.id])
        return found

    def again(self, rule_id: str, files: Sequence[DataFile], failures: Failures) -> Iterator[Signal] | None:
        """What a correlation finds that failed on the signals in ``files``, nothing of it stored.

        Of one that waits for the watermark, everything that was decided since. ``None`` where it is not loaded.
        """
        correlation = next((each for each in self._correlations if each.id == rule_id), None)
        return None if correlation is None else iter(self._again(correlation, files, failures))

    def _again(self, correlation: Correlation, files: Sequence[DataFile], failures: Failures) -> list[Signal]:
        table = self._lake.table(SIGNALS.name)
        sources = set(correlation.ids.values())
        decided = self._decided(table, correlation)
        reread = files if correlation.monotone else table.live()
        times = [hit.time for hit in read_hits(table, reread, sources, ())]
        if not times:
            return []
        until = max(times) + micros_of(correlation.timespan) + 1
        if not correlation.monotone:
            until = (decided or 0) - self._ahead(correlation)
        try:
            return self._evaluated(correlation, min(times), until)
        except LakeError:
            raise
        except Exception as error:  # noqa: BLE001  # it stays a gap
            failures.add(correlation.id, correlation.version, correlation.source, error)
            return []

    def _evaluated(self, correlation: Correlation, first: int, until: int) -> list[Signal]:
        table, span = self._lake.table(SIGNALS.name), micros_of(correlation.timespan)
        if not table.live(moment(first), moment(until)):
            return []
        # Two timespans back: whether few matches stay few depends on the match before, and that on its own window.
        earliest, latest = first - 2 * span, until + span
        files = table.live(moment(earliest), moment(latest))
        hits: dict[str, Hit] = {}
        stored: set[str] = set()
        chained = {each.id for each in self._correlations}
        rules = set(correlation.ids.values())
        below = (rules & chained) | {correlation.id}
        for hit in read_hits(table, files, rules - chained, below, (earliest, latest)):
            if hit.rule == correlation.id:
                stored.add(hit.signal)
            else:
                hits[hit.signal] = hit
        made = shadowed(results(correlation, hits.values(), lambda time: first <= time < until), self._shadows)
        return [each for each in {each.id: each for each in made}.values() if each.id not in stored]


def late_matches(state: State) -> dict[str, int]:
    """By correlation how many matches came after their time was decided; at least that many."""
    return {document.key: int(document.value["count"]) for document in state.scan(LATE)}


def _settling(correlation: Correlation) -> str:
    return f"correlate/settled/{correlation.id}"


def _transaction(name: str) -> str:
    return f"detect:{name}"
