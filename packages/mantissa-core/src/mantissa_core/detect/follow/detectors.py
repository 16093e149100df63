"""Modules' detectors: Python code that sees every committed batch of some tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from mantissa_core.detect.signals import SIGNALS, rows_from_signals, unstored
from mantissa_core.errors import MantissaError
from mantissa_core.lake.files import DataFile
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.table import Table
from mantissa_core.model import Detector, Signal

from .follower import Failures, Follower


class DetectorFollower:
    """One detector on one table. Its name must be unique among all modules' detectors."""

    def __init__(self, detector: Detector, table: str, lake: Lake) -> None:
        self.name, self.table = cursor_name(detector, table), table
        self.rules = {detector.name}
        self._detector, self._lake = detector, lake

    def only(self, rule: str) -> DetectorFollower:  # it is one alone
        """Itself."""
        return self

    def signals(self, table: Table, files: Sequence[DataFile], failures: Failures) -> Iterator[Signal]:
        """Yield what the detector finds and was not found before. A batch on which it fails leaves a gap."""
        known: set[str] = set()
        for rows in table.read(files):
            try:
                found = _storable(self._detector.run(self.table, pa.Table.from_batches([rows])))
                fresh = {each.id: each for each in found if each.id not in known}
            except Exception as error:  # noqa: BLE001  # whatever a module raises; the others go on
                failures.add(self._detector.name, "", "module", error)
                continue
            known |= fresh.keys()
            # Unlike a rule's, a detector's signal may stand for events of many batches.
            yield from unstored(self._lake.ensure(SIGNALS), fresh.values())


def detector_followers(detectors: Iterable[Detector], lake: Lake) -> list[Follower]:
    """A follower for each detector and table of its."""
    return [DetectorFollower(each, table, lake) for each in detectors for table in dict.fromkeys(each.tables)]


def cursor_name(detector: Detector, table: str) -> str:
    """The name of a detector's cursor on a table."""
    return f"{table}/{detector.name}"


def _storable(signals: Sequence[Signal]) -> Sequence[Signal]:
    """Refuse what cannot be a row here, where it is the detector's failure and not everybody's."""
    for signal in signals:
        if signal.time.tzinfo is None:
            raise MantissaError(f"the time of signal {signal.id} has no zone: {signal.time}")
    rows_from_signals(signals, datetime.now(UTC))
    return signals
