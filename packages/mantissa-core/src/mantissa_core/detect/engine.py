"""Every committed version of every table once: its signals, then the cursor behind it.

The signals of a version are committed with the transaction ``(detect:<table>, version)``: after a crash the same
version gives the same signals, and the lake takes them once. The cursor in the state store also passes versions
without a match; the later of the two counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

import structlog

from mantissa_core.errors import LakeError
from mantissa_core.lake.files import DataFile
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.table import Table
from mantissa_core.model import LogType, Signal
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.state.documents import State

from .evidence import SignalMaker
from .field import Batch
from .matcher import Matcher
from .progress import EVERY_RULE, Gap, Progress
from .route import routed
from .rules import Rule, RuleSet
from .signals import SIGNALS, in_chunks, rows_from_signals, signals_from_rows

CHUNK = 20_000
"""Signals that are written to a file at a time; bounds the memory of a rule that matches everything."""

_log = structlog.get_logger(__name__)


class Engine:
    """Evaluates rules on what was committed since it last ran. One engine per lake at a time.

    ``start`` says where a table begins that was never evaluated: at its first version, or behind its newest.
    """

    def __init__(
        self,
        lake: Lake,
        state: State,
        rules: RuleSet,
        log_types: LogTypes,
        *,
        start: Literal["beginning", "now"] = "beginning",
    ) -> None:
        self._lake = lake
        self._progress = Progress(state)
        self._start = start
        self._tables = {
            log_type.table: _Evaluation(each, log_type)
            for table, each in routed(rules.rules, log_types).items()
            if (log_type := log_types.by_table(table)) is not None
        }

    def run(self, limit: int | None = None) -> Iterator[Signal]:
        """Evaluate what is new, at most ``limit`` versions of it, and yield the signals once they are committed.

        Versions whose signals are not awaited (the caller stops early) are not evaluated.

        Raises:
            LakeError: a table cannot be read, or signals cannot be committed.
            Fenced: another engine commits signals.
        """
        left = limit
        for table in [name for name in self._lake.tables() if name in self._tables]:
            evaluation = self._tables[table]
            for version in self._versions(self._lake.table(table)):
                if left is not None and left <= 0:
                    return
                left = None if left is None else left - 1
                yield from self._version(evaluation, version)

    def _cursor(self, table: Table) -> int:
        stored = self._progress.cursor(table.name)
        committed = self._lake.ensure(SIGNALS).committed(_transaction(table.name))
        if stored is None and committed < 0:
            return table.version() if self._start == "now" else -1
        return max(committed, -1 if stored is None else stored)

    def _versions(self, table: Table) -> range:
        """The versions that are still to be evaluated."""
        newest, cursor = table.version(), self._cursor(table)
        if self._progress.cursor(table.name) is None and cursor >= 0:
            self._progress.advance(table.name, cursor)
        return range(cursor + 1, newest + 1)

    def _version(self, evaluation: _Evaluation, version: int) -> Iterator[Signal]:
        table = self._lake.table(evaluation.log_type.table)
        try:
            added = [file for _, files in table.added(version - 1, version) for file in files]
        except LakeError as error:
            self._progress.record(Gap(table.name, EVERY_RULE, "", version, version, str(error)))
            _log.warning("version lost to detection", table=table.name, version=version, error=str(error))
            added = []
        if added:
            yield from self._evaluate(evaluation, table, added, version)
        self._progress.advance(table.name, version)

    def _evaluate(
        self, evaluation: _Evaluation, table: Table, added: Sequence[DataFile], version: int
    ) -> Iterator[Signal]:
        found, evaluated = _Found(version), datetime.now(UTC)
        signals = self._lake.ensure(SIGNALS)
        staged: list[DataFile] = []
        for chunk in in_chunks(evaluation.signals(table, added, found), CHUNK):
            staged += signals.stage(rows_from_signals(chunk, evaluated))
        for gap in found.gaps.values():
            self._progress.record(gap)
        if staged and signals.commit(staged, {_transaction(table.name): version}) is not None:
            for batch in signals.read(staged):
                yield from signals_from_rows(batch)


class _Evaluation:
    """The rules of one table, ready to run."""

    def __init__(self, rules: Sequence[Rule], log_type: LogType) -> None:
        self.log_type = log_type
        self._matcher = Matcher(rules, log_type)
        self._maker = SignalMaker(rules, log_type)

    def signals(self, table: Table, files: Sequence[DataFile], found: _Found) -> Iterator[Signal]:
        known = set(table.schema().names)
        wanted = dict.fromkeys((*self._matcher.columns, *self._maker.columns))
        for rows in table.read(files, [name for name in wanted if name in known]):
            batch = Batch(rows)
            fields = self._maker.fields(batch)
            for hits in self._matcher.match(rows):
                try:
                    if hits.error is not None:
                        raise hits.error
                    made = list(self._maker.signals(hits, batch, fields))
                except Exception as error:  # noqa: BLE001  # a gap names the rule; the others go on
                    found.failed(table.name, hits.rule, error)
                else:
                    yield from made


class _Found:
    """What else evaluating a version brought to light."""

    def __init__(self, version: int) -> None:
        self._version = version
        self.gaps: dict[str, Gap] = {}

    def failed(self, table: str, rule: Rule, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        gap = Gap(table, rule.id, rule.version, self._version, self._version, text)
        if self.gaps.setdefault(gap.key, gap) is gap:
            _log.warning("rule failed", rule=rule.id, source=rule.source, table=table, error=text)


def _transaction(table: str) -> str:
    return f"detect:{table}"
