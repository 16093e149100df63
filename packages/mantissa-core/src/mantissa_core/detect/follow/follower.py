"""Who follows a table: what turns its new rows into signals, with a cursor of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

import structlog

from mantissa_core.detect.rules.filters import Filter
from mantissa_core.lake.files import DataFile
from mantissa_core.lake.table import Table
from mantissa_core.model import Signal

from .progress import Gap

_log = structlog.get_logger(__name__)


class Follower(Protocol):
    """The rules of a table, or one detector on it. ``name`` is its cursor's and never changes."""

    name: str
    table: str

    @property
    def rules(self) -> Collection[str]:
        """What its gaps may name: the rules' ids, or the detector's name."""

    def only(self, rule: str) -> Follower:
        """The same for one of its ``rules`` alone."""

    def signals(self, table: Table, files: Sequence[DataFile], failures: Failures) -> Iterator[Signal]:
        """Yield the signals of the rows in ``files``; what cannot be evaluated is told to ``failures``."""


class Failures:
    """What could not be evaluated in one version of a table."""

    def __init__(self, table: str, version: int) -> None:
        self._table, self._version = table, version
        self._gaps: dict[str, Gap] = {}

    @property
    def gaps(self) -> list[Gap]:
        """One gap for each rule or detector that failed, with its first error."""
        return list(self._gaps.values())

    def add_filter(self, each: Filter, error: Exception) -> None:
        """Note that a filter failed on some of the version's rows: it silenced nothing there."""
        self.add(each.id, each.version, each.source, error)

    def add(self, rule: str, rule_version: str, source: str, error: Exception) -> None:
        """Note that a rule or detector failed on some of the version's rows; ``source`` says where it comes from."""
        text = f"{type(error).__name__}: {error}"
        gap = Gap(self._table, rule, rule_version, self._version, self._version, text)
        if self._gaps.setdefault(gap.key, gap) is gap:
            _log.warning("rule failed", rule=rule, source=source, table=self._table, error=text)
