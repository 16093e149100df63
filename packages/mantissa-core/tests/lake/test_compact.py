from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from mantissa_core.errors import Fenced
from mantissa_core.lake import compact as compaction
from mantissa_core.lake.compact import compact, plan
from mantissa_core.lake.files import DataFile
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.spec import TableSpec
from mantissa_core.lake.table import MAINTAIN, Table
from mantissa_core.lake.uuid7 import uuid7
from mantissa_core.lake.verify import verify

Rows = Callable[..., pa.Table]
Numbers = Callable[..., list[int]]

NOW = datetime.now(UTC)
TODAY = NOW.date().isoformat()


@pytest.fixture
def table(lake: Lake, spec: TableSpec) -> Table:
    return lake.ensure(spec)


def fill(table: Table, rows: Rows, *pages: list[int], day: int = 1) -> None:
    for page in pages:
        table.commit(table.stage(rows(*page, day=day)), {"s": table.committed("s") + 1})


def test_small_files_of_a_day_become_one_that_is_sorted(lake: Lake, table: Table, rows: Rows, numbers: Numbers) -> None:
    fill(table, rows, [5, 1], [4, 2], [3, 0])
    done = compact(table, force=True)
    assert (done.days, done.files_before, done.files_after, done.duplicates) == (("2025-01-01",), 3, 1, 0)
    (file,) = table.live()
    assert file.path.startswith("dt=2025-01-01/packed-")
    found = pa.Table.from_batches(table.read([file], ["name", "number"])).to_pylist()
    assert [(row["name"], row["number"]) for row in found] == [
        ("event-0", 0),
        ("event-0", 3),
        ("event-1", 1),
        ("event-1", 4),
        ("event-2", 2),
        ("event-2", 5),
    ]
    assert numbers(lake) == [0, 1, 2, 3, 4, 5]
    assert verify(lake) == []


def test_compaction_brings_nothing_new_to_consumers(table: Table, rows: Rows) -> None:
    fill(table, rows, [1], [2])
    compact(table, force=True)
    assert [version for version, _ in table.added(0)] == [1, 2]


def test_a_native_id_that_came_twice_stays_once_as_it_came_first(table: Table, rows: Rows) -> None:
    early, late = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC)
    table.commit(table.stage(rows(1, 2, ingest=late)), {"s": 1})
    table.commit(table.stage(rows(2, 3, ingest=early)), {"s": 2})
    assert [f.problem for f in verify(Lake.open(table.url.removesuffix("/tables/events")))] == [
        "1 rows repeat a native id: compaction will drop them"
    ]
    assert compact(table, force=True).duplicates == 1
    found = pa.Table.from_batches(table.read(table.live(), ["number", "m_ingest_time"])).sort_by("number")
    assert [row["number"] for row in found.to_pylist()] == [1, 2, 3]
    assert found.column("m_ingest_time").to_pylist()[1] == early


def test_rows_with_ids_of_their_position_are_never_dropped(
    lake: Lake, rows: Rows, specify: Callable[..., TableSpec], numbers: Numbers
) -> None:
    table = lake.ensure(specify(native_ids=False))
    fill(table, rows, [1], [1])
    assert compact(table, force=True).duplicates == 0
    assert numbers(lake) == [1, 1]


def test_a_day_beyond_memory_is_compacted_in_chunks_that_follow_time(
    lake: Lake, table: Table, rows: Rows, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "CHUNK_ROWS", 6)
    fill(table, rows, [9, 8], [1, 2], [5, 6], [3, 4])
    assert compact(table, force=True).files_after == 2
    spans = sorted(file.span for file in table.live() if file.span)
    assert spans[0][1] < spans[1][0]
    assert numbers(lake) == [1, 2, 3, 4, 5, 6, 8, 9]


def test_the_second_of_two_compactors_reports_that_the_other_was_faster_and_leaves_no_file(
    lake: Lake, table: Table, rows: Rows, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(table, rows, [1], [2])
    slow, maintain = Lake.open(lake.url).table("events"), Table.maintain

    def overtaken(self: Table, *args: object, **kwargs: object) -> int | None:
        monkeypatch.setattr(Table, "maintain", maintain)
        assert compact(table, force=True).files_after == 1
        return maintain(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Table, "maintain", overtaken)
    assert compact(slow, force=True).fenced
    assert numbers(lake) == [1, 2]
    assert len([e for e in lake.storage.files("tables") if "packed-" in e.name]) == 1


def test_a_file_that_another_engine_removed_fences_the_compaction(table: Table, rows: Rows) -> None:
    fill(table, rows, [1], [2])
    files, before = table.live(), table.committed(MAINTAIN)
    table.commit(table.stage(rows(3)), {"s": 9})
    table.maintain([], files[:1], before, rewrite=False)
    with pytest.raises(Fenced, match="already removed"):
        table.maintain([], files, table.committed(MAINTAIN), rewrite=True)


def test_rows_appended_during_a_compaction_stay(
    lake: Lake, table: Table, rows: Rows, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(table, rows, [1], [2])
    writer, maintain = Lake.open(lake.url).table("events"), Table.maintain

    def meanwhile(self: Table, *args: object, **kwargs: object) -> int | None:
        fill(writer, rows, [3])
        return maintain(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Table, "maintain", meanwhile)
    assert not compact(table, force=True).fenced
    assert numbers(lake) == [1, 2, 3]


def file(day: str, made: datetime = NOW, kind: str = "part", rows: int = 1) -> DataFile:
    stamp = f"{int(made.timestamp() * 1000):012x}"
    name = f"{stamp[:8]}-{stamp[8:]}-7{uuid7()[15:]}"
    return DataFile(f"dt={day}/{kind}-{name}.parquet", 1, rows, day)


def test_a_day_in_progress_waits_for_a_few_files() -> None:
    assert plan([file(TODAY)] * 7, NOW) == {}
    assert len(plan([file(TODAY)] * 8, NOW)[TODAY]) == 8


def test_a_past_day_is_finished_once_it_is_quiet() -> None:
    assert plan([file("2025-01-01", NOW - timedelta(minutes=59))], NOW) == {}
    assert list(plan([file("2025-01-01", NOW - timedelta(minutes=61))], NOW)) == ["2025-01-01"]


def test_a_finished_day_is_left_alone() -> None:
    old = NOW - timedelta(days=9)
    assert plan([file("2025-01-01", old, "packed")], NOW) == {}
    assert plan([file("2025-01-01", old, "packed")], NOW, force=True) == {}
    assert plan([file("2025-01-01", old, "packed", rows=compaction.CHUNK_ROWS)] * 20, NOW, force=True) == {}


def test_a_crowded_table_is_compacted_wherever_two_files_can_become_one() -> None:
    days = [(NOW - timedelta(days=n)).date().isoformat() for n in range(160)]
    assert len(plan([file(day) for day in days for _ in range(2)], NOW)) == 160
    assert plan([file(day) for day in days], NOW) == {}
