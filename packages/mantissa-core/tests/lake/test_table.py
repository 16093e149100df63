from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from mantissa_core.errors import LakeError
from mantissa_core.lake.files import DataFile
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.parquet import laid_out
from mantissa_core.lake.spec import TableSpec
from mantissa_core.lake.storage import Storage
from mantissa_core.lake.table import Table

Rows = Callable[..., pa.Table]


@pytest.fixture
def table(lake: Lake, spec: TableSpec) -> Table:
    return lake.ensure(spec)


def test_rows_come_back_as_they_went_in(table: Table, rows: Rows) -> None:
    table.commit(table.stage(rows(1, 2, 3)), {"s": 1})
    found = pa.Table.from_batches(table.read(table.live(), [*table.schema().names, "dt"]))
    assert found.to_pylist() == rows(1, 2, 3).to_pylist()
    assert found.schema.field("m_id").nullable is False


def test_texts_can_be_read_dictionary_encoded(table: Table, rows: Rows) -> None:
    table.commit(table.stage(rows(1, 2, 3)), {"s": 1})
    names = [*table.schema().names, "dt"]
    (batch,) = table.read(table.live(), names, encoded=names)
    types = {field.name: field.type for field in batch.schema}
    plain = table.schema()
    assert all(pa.types.is_dictionary(types[field.name]) for field in plain if pa.types.is_string(field.type))
    assert all(types[field.name] == field.type for field in plain if not pa.types.is_string(field.type))
    assert batch.to_pylist() == rows(1, 2, 3).to_pylist()


def test_staged_rows_are_invisible_until_they_are_committed(table: Table, rows: Rows) -> None:
    files = table.stage(rows(1))
    assert table.live() == []
    assert table.commit(files, {"s": 1}) == 1
    assert [file.path for file in table.live()] == [files[0].path]


def test_rows_of_several_days_become_one_file_a_day(table: Table, rows: Rows) -> None:
    mixed = pa.concat_tables([rows(1, day=2), rows(2, day=1), rows(3, day=2)])
    files = table.stage(mixed)
    assert [(file.dt, file.rows) for file in files] == [("2025-01-01", 1), ("2025-01-02", 2)]
    assert all(file.path.startswith(f"dt={file.dt}/part-") for file in files)


def test_a_local_data_file_cannot_be_written_to(table: Table, rows: Rows) -> None:
    path = Path(table.local_path(table.stage(rows(1))[0]))
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert "dt" not in pq.read_schema(path).names


def test_columns_are_ordered_cast_and_filled_as_the_table_has_them(table: Table, rows: Rows) -> None:
    given = rows(1).select(["dt", "m_ingest_time", "m_time", "m_id", "number"])
    given = given.set_column(4, "number", given.column("number").cast(pa.int32()))
    table.commit(table.stage(given), {"s": 1})
    assert pa.Table.from_batches(table.read(table.live(), ["name", "number"])).to_pylist() == [
        {"name": None, "number": 1}
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.append_column("surprise", pa.array(["x"])), "has no column surprise: evolve it"),
        (lambda t: t.drop(["m_id"]), "column m_id is null in 1 rows"),
        (lambda t: t.drop(["dt"]), "the rows have no column dt"),
        (lambda t: t.set_column(t.schema.get_field_index("dt"), "dt", pa.array(["../x"])), "dt is '../x'"),
        (lambda t: t.set_column(t.schema.get_field_index("dt"), "dt", pa.nulls(1, pa.string())), "dt is None"),
        (lambda t: t.set_column(1, "number", pa.array(["abc"])), "column number: found string, expected int64"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_leave_nothing(
    table: Table, rows: Rows, change: Callable[[pa.Table], pa.Table], message: str
) -> None:
    with pytest.raises(LakeError, match=message):
        table.stage(change(rows(1)))
    assert [e for e in table.place.storage.files(table.place.folder) if e.name.endswith(".parquet")] == []


def test_a_disk_that_fills_up_while_staging_leaves_the_table_as_it_was(
    table: Table, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.commit(table.stage(rows(1)), {"s": 1})
    written: list[int] = []
    put = Storage.put_parquet

    def full(self: Storage, name: str, part: pa.Table, options: dict[str, object]) -> int:
        if written:
            raise OSError(28, "No space left on device")
        written.append(put(self, name, part, options))
        return written[-1]

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "put_parquet", full)
        with pytest.raises(LakeError, match="No space left on device"):
            table.stage(pa.concat_tables([rows(2, day=1), rows(3, day=2)]))
    assert len([e for e in table.place.storage.files(table.place.folder) if e.name.endswith(".parquet")]) == 1
    assert [file.rows for file in table.live()] == [1]
    table.commit(table.stage(rows(2)), {"s": 2})
    assert sum(file.rows for file in table.live()) == 2


def test_a_write_that_breaks_off_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    """In a process of its own that may write no more than 4 KB to a file, as on a full disk."""
    pid = os.fork()
    if pid == 0:
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        storage = Storage.open(tmp_path, {})
        big = pa.table({"a": [os.urandom(64).hex() for _ in range(1000)]})
        try:
            storage.put_parquet("dt=2025-01-01/part-1.parquet", big, {})
        except OSError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"number": pa.array(["1"])}, "column number: string, expected number: int64"),
        ({"wider": pa.array([1])}, "has a column wider that its table lacks"),
    ],
)
def test_a_file_with_other_columns_than_the_table_is_never_committed(
    table: Table, rows: Rows, columns: dict[str, pa.Array], message: str
) -> None:
    right = laid_out(rows(1), table.schema(), "events")
    wrong = right.drop([name for name in columns if name in right.schema.names])
    for name, values in columns.items():
        wrong = wrong.append_column(name, values)
    size = table.place.storage.put_parquet(f"{table.place.folder}/dt=2025-01-01/part-x.parquet", wrong, {})
    with pytest.raises(LakeError, match=message):
        table.commit([DataFile("dt=2025-01-01/part-x.parquet", size, 1, "2025-01-01")], {"s": 1})
    assert table.version() == 0


def test_a_file_without_a_required_column_is_never_committed(table: Table, rows: Rows) -> None:
    narrow, name = rows(1).select(["number"]), f"{table.place.folder}/dt=2025-01-01/part-x.parquet"
    size = table.place.storage.put_parquet(name, narrow, {})
    with pytest.raises(LakeError, match="lacks m_id, m_time, m_ingest_time, which its table requires"):
        table.commit([DataFile("dt=2025-01-01/part-x.parquet", size, 1, "2025-01-01")], {"s": 1})


def test_a_file_that_is_not_there_is_never_committed(table: Table) -> None:
    with pytest.raises(LakeError, match="is no readable Parquet file"):
        table.commit([DataFile("dt=2025-01-01/part-x.parquet", 1, 1, "2025-01-01")], {"s": 1})


def test_files_outside_a_span_are_pruned(table: Table, rows: Rows) -> None:
    for day in (1, 2, 3):
        table.commit(table.stage(rows(0, 10, day=day)), {"s": day})
    noon = datetime(2025, 1, 2, 12, tzinfo=UTC)
    assert [file.dt for file in table.live(noon, noon + timedelta(hours=1))] == ["2025-01-02"]
    assert [file.dt for file in table.live(noon + timedelta(seconds=10), noon + timedelta(days=1))] == [
        "2025-01-03",
        "2025-01-02",
    ]
    assert table.live(noon + timedelta(days=9)) == []


def test_files_of_a_wide_table_are_pruned_too(tmp_path: Path, specify: Callable[..., TableSpec], rows: Rows) -> None:
    wide = specify(**{f"column_{number}": pa.string() for number in range(60)})
    table = Lake.open(tmp_path / "wide").ensure(wide)
    for number in (1, 100):
        table.commit(table.stage(rows(number)), {"s": number})
    start = datetime(2025, 1, 1, 12, 1, tzinfo=UTC)
    again = Lake.open(tmp_path / "wide").table(wide.name)
    assert [file.stats["minValues"]["name"] for file in again.live(start, None)] == ["event-1"]


def test_known_ids_are_those_that_files_in_the_span_hold(table: Table, rows: Rows) -> None:
    table.commit(table.stage(rows(1, 2)), {"s": 1})
    table.commit(table.stage(rows(3, day=3)), {"s": 2})
    ids = rows(1, 2, 3, 4).column("m_id").combine_chunks()
    noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
    assert table.known_ids(ids, noon, noon + timedelta(hours=1)).to_pylist() == ids[:2].to_pylist()
    assert table.known_ids(ids, noon, noon + timedelta(days=3)).to_pylist() == ids[:3].to_pylist()
    assert table.known_ids(ids[3:], noon, noon + timedelta(days=3)).to_pylist() == []


def test_what_was_added_is_told_version_by_version(table: Table, rows: Rows) -> None:
    for n in (1, 2, 3):
        table.commit(table.stage(rows(n)), {"s": n})
    added = list(table.added(1))
    assert [(version, [file.rows for file in files]) for version, files in added] == [(2, [1]), (3, [1])]
    assert [version for version, _ in table.added(0, 2)] == [1, 2]
    assert added[0][1][0] in table.live()


def test_a_gap_in_the_log_is_named(table: Table, rows: Rows) -> None:
    for n in (1, 2):
        table.commit(table.stage(rows(n)), {"s": n})
    table.place.storage.delete(f"{table.place.folder}/_delta_log/{1:020}.json")
    with pytest.raises(LakeError, match="no entry for version 1 any more"):
        list(table.added(0))
    assert [version for version, _ in table.added(1)] == [2]


def test_a_checkpoint_keeps_transactions_statistics_and_properties(table: Table, rows: Rows, lake: Lake) -> None:
    for n in (1, 2):
        table.commit(table.stage(rows(n, day=n)), {"s": n})
    DeltaTable(table.url).create_checkpoint()
    for version in range(2):
        table.place.storage.delete(f"{table.place.folder}/_delta_log/{version:020}.json")
    reopened = Lake.open(lake.url).table("events")
    assert (reopened.spec, reopened.committed("s")) == (table.spec, 2)
    assert {f.path: f.stats for f in reopened.live()} == {f.path: f.stats for f in table.live()}
    reopened.forget_old_log()
    reopened.commit(reopened.stage(rows(3)), {"s": 3})
    assert sorted(file.rows for file in table.live()) == [1, 1, 1]


def test_a_snapshot_is_what_duckdb_needs_to_read_the_table(table: Table, rows: Rows) -> None:
    table.commit(table.stage(pa.concat_tables([rows(1, 2), rows(3, day=2)])), {"s": 1})
    snapshot = table.snapshot()
    query = "SELECT sum(number), count(DISTINCT dt), max(len(tags)) FROM read_parquet(?, hive_partitioning = true)"
    assert duckdb.execute(query, [list(snapshot.files)]).fetchall() == [(6, 2, 1)]
    assert snapshot.rows == 3
    assert sorted(snapshot.partitions) == ["2025-01-01", "2025-01-02"]
    assert snapshot.columns["tags"] == "VARCHAR[]"
    assert list(snapshot.columns)[-1] == "dt"


def test_a_snapshot_of_an_unchanged_table_costs_no_planning(table: Table, rows: Rows) -> None:
    table.commit(table.stage(rows(1)), {"s": 1})
    assert table.snapshot() is table.snapshot()
    table.commit(table.stage(rows(2)), {"s": 2})
    assert table.snapshot().rows == 2


def test_a_column_that_the_table_lacks_cannot_be_read(table: Table) -> None:
    with pytest.raises(LakeError, match="has no column nothing"):
        list(table.read([], ["nothing"]))


def test_a_file_that_vanished_is_named(table: Table, rows: Rows) -> None:
    files = table.stage(rows(1))
    table.commit(files, {"s": 1})
    Path(table.local_path(files[0])).unlink()
    with pytest.raises(LakeError, match=files[0].path):
        list(table.read(files))


def test_the_partition_alone_can_be_read(table: Table, rows: Rows) -> None:
    table.commit(table.stage(rows(1, 2)), {"s": 1})
    assert pa.Table.from_batches(table.read(table.live(), ["dt"])).to_pylist() == [{"dt": "2025-01-01"}] * 2


def test_batches_keep_to_the_size_that_was_asked_for(table: Table, rows: Rows) -> None:
    table.commit(table.stage(rows(*range(10))), {"s": 1})
    assert [batch.num_rows for batch in table.read(table.live(), batch_size=4)] == [4, 4, 2]
