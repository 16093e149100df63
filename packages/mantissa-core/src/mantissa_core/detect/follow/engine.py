"""Every committed version of every table once: its signals, then the cursor behind it.

The rules of a table follow it together, each module's detector by itself. The signals of a version are committed with
the transaction ``(detect:<follower>, version)``: after a crash the same version gives the same signals, and the lake
takes them once. The cursor in the state store also passes versions without a match; the later of the two counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import timedelta
from typing import Literal

import structlog

from mantissa_core.detect.correlate.correlator import Correlator
from mantissa_core.detect.correlate.watermark import LATENESS
from mantissa_core.detect.match.evidence import SignalMaker
from mantissa_core.detect.match.field import Batch
from mantissa_core.detect.match.matcher import Matcher
from mantissa_core.detect.match.route import routed
from mantissa_core.detect.match.suppress import Suppressor
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.rules.stages import Stages, shadowed
from mantissa_core.detect.signals import SIGNALS, commit_signals
from mantissa_core.errors import LakeError
from mantissa_core.lake.files import DataFile
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.table import Table
from mantissa_core.model import Detector, LogType, Signal
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.state.documents import State

from .detectors import detector_followers
from .failing import FailingRules
from .follower import Failures, Follower
from .gap_replay import GapReplay
from .progress import EVERY_RULE, Gap, Progress

_log = structlog.get_logger(__name__)


class Engine:
    """Evaluates rules and detectors on what was committed since it last ran. One engine per lake at a time.

    ``start`` says where a table begins that was never evaluated: at its first version, or behind its newest.
    ``scheduled`` gives the ids of rules that run by a schedule: they are passed over here.
    """

    def __init__(
        self,
        lake: Lake,
        state: State,
        rules: RuleSet,
        log_types: LogTypes,
        *,
        detectors: Sequence[Detector] = (),
        start: Literal["beginning", "now"] = "beginning",
        lateness: timedelta = LATENESS,
        scheduled: Callable[[], Collection[str]] = frozenset,
        failing: FailingRules | None = None,
    ) -> None:
        self._lake, self._rules = lake, rules
        self._progress = Progress(state)
        self._failing = failing or FailingRules(state)
        self._start = start
        self._stages, self._shadows = Stages(state), frozenset[str]()
        self._scheduled, self._skipped = scheduled, frozenset[str]()
        by_table = routed(rules.rules, log_types)
        followers: list[Follower] = [
            _RuleFollower(each, log_type, lambda: self._skipped)
            for table, each in by_table.items()
            if (log_type := log_types.by_table(table)) is not None
        ]
        self._followers = [*followers, *detector_followers(detectors, lake)]
        tables: dict[str, list[str]] = {}
        for table, each in by_table.items():
            for rule in each:
                tables.setdefault(rule.id, []).append(table)
        self._correlator = Correlator(
            lake, state, rules.correlations, tables, lateness=lateness, start=start, failing=self._failing
        )

    def run(self, limit: int | None = None) -> Iterator[Signal]:
        """Evaluate what is new, at most ``limit`` versions of it, and yield the signals once they are committed.

        Versions whose signals are not awaited (the caller stops early) are not evaluated. Correlations are evaluated
        once nothing else is left.

        Raises:
            LakeError: a table cannot be read, or signals cannot be committed.
            Fenced: another engine commits signals.
        """
        left, self._skipped = limit, frozenset(self._scheduled())
        self._shadows = self._on_trial()
        self._failing.refresh()
        tables, newest = self._lake.tables(), self._correlator.newest()
        for follower in sorted(self._followers, key=lambda each: each.table):
            if follower.table not in tables:
                continue
            for version in self._versions(follower):
                if left is not None and left <= 0:
                    return
                left = None if left is None else left - 1
                yield from self._version(follower, version)
        yield from self._correlator.run(newest, self._shadows)
        yield from self._failing.tell(self._lake)

    def correlate(self) -> Iterator[Signal]:
        """Evaluate the correlations on signals that were stored by others, and yield theirs once they are committed."""
        yield from self._correlator.run(self._correlator.newest(), self._on_trial())

    def gap_replay(self) -> GapReplay:
        """What evaluates recorded gaps again; signals for correlations are left to the next :meth:`run`."""
        return GapReplay(self._lake, self._progress, self._followers, self._correlator, self._on_trial())

    def _on_trial(self) -> frozenset[str]:
        return self._stages.shadows(self._rules.all)

    def _versions(self, follower: Follower) -> range:
        """The versions that are still to be evaluated."""
        newest, stored = self._lake.table(follower.table).version(), self._progress.cursor(follower.name)
        committed = self._lake.ensure(SIGNALS).committed(_transaction(follower))
        if stored is None and committed < 0 and self._start == "now":
            committed = newest
        cursor = max(committed, -1 if stored is None else stored)
        if stored is None and cursor >= 0:
            self._progress.advance(follower.name, cursor)
        return range(cursor + 1, newest + 1)

    def _version(self, follower: Follower, version: int) -> Iterator[Signal]:
        table = self._lake.table(follower.table)
        try:
            added = [file for _, files in table.added(version - 1, version) for file in files]
        except LakeError as error:
            self._progress.record(Gap(table.name, EVERY_RULE, "", version, version, str(error)))
            _log.warning("version lost to detection", table=table.name, version=version, error=str(error))
            added = []
        if added:
            yield from self._evaluate(follower, table, added, version)
        self._progress.advance(follower.name, version)

    def _evaluate(self, follower: Follower, table: Table, added: Sequence[DataFile], version: int) -> Iterator[Signal]:
        found = shadowed(self._found(follower, table, added, version), self._shadows)
        yield from commit_signals(self._lake.ensure(SIGNALS), found, _transaction(follower), version)

    def _found(self, follower: Follower, table: Table, added: Sequence[DataFile], version: int) -> Iterator[Signal]:
        """The version's signals; its gaps are recorded behind the last one, and so before the commit."""
        failures = Failures(table.name, version)
        yield from follower.signals(table, added, failures)
        for gap in failures.gaps:
            self._progress.record(gap)
            rule = self._rules.get(gap.rule)
            self._failing.failed(gap.rule, rule.title if rule else gap.rule, table.name, gap.error)
        self._failing.worked(set(follower.rules) - {gap.rule for gap in failures.gaps} - self._skipped)


class _RuleFollower:
    """The rules of one table, ready to run."""

    def __init__(
        self, rules: Sequence[Rule], log_type: LogType, skipped: Callable[[], Collection[str]] = frozenset
    ) -> None:
        self.name = self.table = log_type.table
        self.rules = {rule.id for rule in rules}
        self._loaded, self._log_type, self._skipped = rules, log_type, skipped
        self._matcher = Matcher(rules, log_type)
        self._maker, self._suppressor = SignalMaker(rules, log_type), Suppressor(rules, log_type)

    def only(self, rule: str) -> _RuleFollower:
        return _RuleFollower([each for each in self._loaded if each.id == rule], self._log_type)

    def signals(self, table: Table, files: Sequence[DataFile], failures: Failures) -> Iterator[Signal]:
        known, skipped = set(table.schema().names), self._skipped()
        wanted = dict.fromkeys((*self._matcher.columns, *self._maker.columns, *self._suppressor.columns))
        for rows in table.read(files, [name for name in wanted if name in known], encoded=self._matcher.columns):
            batch = Batch(rows)
            fields = self._maker.fields(batch)
            for hits in self._matcher.match(rows):
                if hits.rule.id in skipped:
                    continue
                try:
                    if hits.error is not None:
                        raise hits.error
                    signals = self._maker.signals(hits, batch, fields)
                    made = list(self._suppressor.marked(signals, hits, rows, failures.add_filter))
                except Exception as error:  # noqa: BLE001  # a gap names the rule; the others go on
                    failures.add(hits.rule.id, hits.rule.version, hits.rule.source, error)
                else:
                    yield from made


def _transaction(follower: Follower) -> str:
    return f"detect:{follower.name}"
