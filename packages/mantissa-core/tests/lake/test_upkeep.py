"""Retention, vacuum and verification."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from mantissa_core.lake.compact import compact
from mantissa_core.lake.files import DataFile
from mantissa_core.lake.intent import STREAMS, Intent, partition
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.retain import retain
from mantissa_core.lake.spec import TableSpec
from mantissa_core.lake.table import Table
from mantissa_core.lake.vacuum import vacuum
from mantissa_core.lake.verify import verify
from mantissa_core.model import Put
from mantissa_core.state.documents import State

Rows = Callable[..., pa.Table]
Numbers = Callable[..., list[int]]

LATER = datetime.now(UTC) + timedelta(days=2)
"""A time at which everything written now is beyond every grace."""


@pytest.fixture
def table(lake: Lake, spec: TableSpec, rows: Rows) -> Table:
    table = lake.ensure(spec)
    for n in (1, 2, 3):
        table.commit(table.stage(rows(n, day=n)), {"s": n})
    return table


def stored(lake: Lake) -> list[str]:
    return [entry.name for entry in lake.storage.files("tables") if entry.name.endswith(".parquet")]


def test_days_older_than_the_retention_are_removed_and_younger_ones_stay(
    lake: Lake, table: Table, numbers: Numbers
) -> None:
    done = retain(table, 2, today=date(2025, 1, 4))
    assert (done.days, done.files, done.rows) == (("2025-01-01",), 1, 1)
    assert numbers(lake) == [2, 3]
    assert retain(table, 2, today=date(2025, 1, 4)).files == 0
    assert [version for version, _ in table.added(0)] == [1, 2, 3]


def test_a_retention_of_no_days_is_refused(table: Table) -> None:
    with pytest.raises(ValueError, match="expected at least 1"):
        retain(table, 0)


def test_nothing_young_and_nothing_live_is_vacuumed(lake: Lake, state: State, table: Table, rows: Rows) -> None:
    table.stage(rows(9))
    assert vacuum(lake, state, {}, grace=timedelta(0)).files == ()
    assert len(vacuum(lake, state, {}, now=LATER).files) == 1
    assert verify(lake) == []


def test_replaced_files_stay_while_a_query_may_read_them(lake: Lake, state: State, table: Table, rows: Rows) -> None:
    table.commit(table.stage(rows(4, day=3)), {"s": 4})
    for name in stored(lake):
        os.utime(lake.storage.path(name), (0, 0))
    compact(table, force=True)
    assert vacuum(lake, state, {}).files == ()
    gone = vacuum(lake, state, {}, now=datetime.now(UTC) + timedelta(minutes=63))
    assert len(gone.files) == 4
    assert gone.bytes > 0
    assert verify(lake) == []


def test_files_that_a_slow_consumer_has_not_seen_stay(lake: Lake, state: State, table: Table) -> None:
    compact(table, force=True)
    kept = [file for _, files in table.added(1) for file in files]
    assert len(vacuum(lake, state, {"events": 1}, now=LATER).files) == 1
    assert sum(batch.num_rows for batch in table.read(kept)) == 2
    assert len(vacuum(lake, state, {"events": table.version()}, now=LATER).files) == 2


def test_files_of_an_open_intent_stay_and_those_beside_them_go(
    lake: Lake, state: State, table: Table, rows: Rows
) -> None:
    waiting, lost = table.stage(rows(8)), table.stage(rows(9))
    state.commit(STREAMS, [Put("slow", {})])
    state.commit(partition("slow"), Intent(1, {}, {"events": waiting}).puts("slow"))
    assert vacuum(lake, state, {}, now=LATER).files == (f"tables/events/{lost[0].path}",)
    table.commit(waiting, {"slow": 1})
    assert verify(lake) == []


def test_a_log_that_everybody_has_read_is_tidied_and_one_that_somebody_needs_is_not(
    lake: Lake, state: State, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    tidied: list[str] = []
    monkeypatch.setattr(Table, "forget_old_log", lambda self: tidied.append(self.name))
    vacuum(lake, state, {"events": 1}, now=datetime.now(UTC) + timedelta(days=40))
    assert tidied == []
    vacuum(lake, state, {"events": 3}, now=datetime.now(UTC) + timedelta(days=40))
    vacuum(lake, state, {"events": 1})
    assert tidied == ["events", "events"]


def test_a_sound_lake_has_no_findings(lake: Lake, table: Table) -> None:
    assert verify(lake) == []


def _missing(path: Path, table: Table, rows: Rows) -> None:
    path.unlink()


def _longer(path: Path, table: Table, rows: Rows) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"x")


def _scrambled(path: Path, table: Table, rows: Rows) -> None:
    path.chmod(0o644)
    path.write_bytes(b"x" * path.stat().st_size)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [(_missing, "is missing"), (_longer, "bytes, the log says"), (_scrambled, "no readable Parquet file")],
)
def test_a_damaged_file_is_found(
    lake: Lake, table: Table, rows: Rows, damage: Callable[[Path, Table, Rows], None], problem: str
) -> None:
    file = table.live()[0]
    damage(Path(table.local_path(file)), table, rows)
    (finding,) = verify(lake)
    assert (finding.table, finding.place) == ("events", file.path)
    assert problem in finding.problem


def test_a_wrong_row_count_in_the_log_is_found(lake: Lake, table: Table, rows: Rows) -> None:
    (file,) = table.stage(rows(7))
    wrong = DataFile(file.path, file.size, 5, file.dt, {**file.stats, "numRecords": 5})
    table.commit([wrong], {"s": 7})
    assert [finding.problem for finding in verify(lake)] == ["the file has 1 rows, the log says 5"]
