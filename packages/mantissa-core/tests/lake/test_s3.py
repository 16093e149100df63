from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from mantissa_core.errors import Fenced, LakeError
from mantissa_core.lake.archive import keep_raw
from mantissa_core.lake.cache import Cache
from mantissa_core.lake.compact import compact
from mantissa_core.lake.delta import Delta
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.spec import TableSpec
from mantissa_core.lake.stream_log import StreamLog
from mantissa_core.lake.vacuum import vacuum
from mantissa_core.lake.verify import verify
from mantissa_core.state.documents import State

Rows = Callable[..., pa.Table]
Open = Callable[[], Lake]


@pytest.fixture
def reopen(s3_url: str, s3_options: Mapping[str, str], tmp_path: Path) -> Open:
    return lambda: Lake.open(s3_url, storage_options=s3_options, cache=Cache(tmp_path / "cache"))


def test_a_lake_on_s3_is_marked_and_found_again(reopen: Open) -> None:
    first = reopen()
    assert reopen().id == first.id
    assert first.url.startswith("s3://")


def test_a_prefix_with_something_else_in_it_is_refused(reopen: Open, s3_options: Mapping[str, str]) -> None:
    lake = reopen()
    lake.storage.delete("mantissa-lake.json")
    lake.storage.put("other/thing.csv", b"1,2")
    with pytest.raises(LakeError, match="but holds 'other'"):
        reopen()


def test_a_bucket_that_does_not_exist_is_an_error(s3_options: Mapping[str, str], s3_endpoint: str) -> None:
    with pytest.raises(LakeError, match="cannot be reached"):
        Lake.open("s3://nobody-made-this/lake", storage_options=s3_options)


def test_rows_are_committed_compacted_read_and_vacuumed(
    reopen: Open, spec: TableSpec, rows: Rows, state: State
) -> None:
    lake = reopen()
    table = lake.ensure(spec)
    for n in (1, 2, 3):
        table.commit(table.stage(rows(n)), {"s": n})
    assert lake.tables() == ["events"]
    assert compact(table, force=True).files_after == 1
    snapshot = reopen().table("events").snapshot()
    assert all(Path(path).exists() for path in snapshot.files)
    query = (
        "SELECT sum(number), any_value(dt) FROM read_parquet(?, hive_partitioning = true, hive_types_autocast = false)"
    )
    assert duckdb.execute(query, [list(snapshot.files)]).fetchall() == [(6, "2025-01-01")]
    assert table.snapshot(fetch=False).files[0].startswith("s3://")
    assert len(vacuum(lake, state, {}, now=datetime(2100, 1, 1, tzinfo=UTC)).files) == 3
    assert verify(lake) == []


def test_the_second_of_two_stale_writers_on_s3_is_fenced(
    reopen: Open, spec: TableSpec, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both look before either writes: it is the conditional put that tells them apart."""
    first, second = reopen().ensure(spec), reopen().ensure(spec)
    mine, theirs, write = second.stage(rows(2)), first.stage(rows(1)), Delta.write

    def overtaken(self: Delta, *args: object, **kwargs: object) -> None:
        monkeypatch.setattr(Delta, "write", write)
        first.commit(theirs, {"s": 1})
        write(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Delta, "write", overtaken)
    with pytest.raises(Fenced):
        second.commit(mine, {"s": 1})
    assert [file.path for file in second.live()] == [theirs[0].path]


def test_a_stream_is_recovered_on_s3(
    reopen: Open, spec: TableSpec, rows: Rows, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(self: Delta, *args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Delta, "write", dies)
        with pytest.raises(KeyboardInterrupt):
            StreamLog(reopen(), state, "s").commit({spec: rows(1)}, {"cursor": 1})
    log = StreamLog(reopen(), state, "s")
    assert log.recover()
    log.commit({spec: rows(2)}, {"cursor": 2})
    table = reopen().table("events")
    assert sum(batch.num_rows for batch in table.read(table.live())) == 2


def test_raw_records_are_kept_on_s3(reopen: Open) -> None:
    lake = reopen()
    name = keep_raw(lake, "a.b", "s", 1, datetime(2025, 1, 1, tzinfo=UTC), [b"{}"])
    assert lake.storage.exists(name)
