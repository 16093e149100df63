from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from mantissa_core.errors import Fenced, LakeError
from mantissa_core.lake.compact import compact
from mantissa_core.lake.delta import CommitRefused, Delta
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.spec import TableSpec
from mantissa_core.lake.table import Table
from mantissa_core.lake.verify import verify

Rows = Callable[..., pa.Table]
Numbers = Callable[[Lake], list[int]]


@pytest.fixture
def table(lake: Lake, spec: TableSpec) -> Table:
    return lake.ensure(spec)


def other(lake: Lake) -> Table:
    """The table as another process sees it, opened now."""
    return Lake.open(lake.url).table("events")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "the other threads did not get there"
        time.sleep(0.001)


def test_a_repeated_commit_of_the_same_files_does_nothing(table: Table, rows: Rows, lake: Lake) -> None:
    files = table.stage(rows(1))
    assert table.commit(files, {"s": 1}) == 1
    assert table.commit(files, {"s": 1}) is None
    assert other(lake).commit(files, {"s": 1}) is None
    assert table.version() == 1


def test_a_repeated_commit_is_recognised_after_its_files_were_compacted(
    table: Table, rows: Rows, lake: Lake, numbers: Numbers
) -> None:
    first = table.stage(rows(1))
    table.commit(first, {"s": 1})
    table.commit(table.stage(rows(2)), {"s": 2})
    compact(table, force=True)
    assert other(lake).commit(first, {"s": 1}) is None
    assert numbers(lake) == [1, 2]


def test_a_sequence_number_used_for_other_files_fences_the_writer(table: Table, rows: Rows, lake: Lake) -> None:
    late = other(lake)
    table.commit(table.stage(rows(1)), {"s": 1})
    with pytest.raises(Fenced, match="s is at 1, not before 1: another process writes this stream"):
        late.commit(late.stage(rows(2)), {"s": 1})
    assert table.version() == 1


def test_a_writer_that_fell_behind_is_fenced(table: Table, rows: Rows, lake: Lake) -> None:
    for n in (1, 2, 3):
        table.commit(table.stage(rows(n)), {"s": n})
    late = other(lake)
    with pytest.raises(Fenced):
        late.commit(late.stage(rows(9)), {"s": 2})


def test_a_writer_that_is_overtaken_between_looking_and_writing_is_fenced(
    table: Table, rows: Rows, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log itself refuses the transaction: nothing that was looked at before can."""
    late, write = other(lake), Delta.write
    files = late.stage(rows(2))

    def overtaken(self: Delta, *args: object, **kwargs: object) -> None:
        monkeypatch.setattr(Delta, "write", write)
        table.commit(table.stage(rows(1)), {"s": 1})
        write(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Delta, "write", overtaken)
    with pytest.raises(Fenced):
        late.commit(files, {"s": 1})
    assert [file.rows for file in table.live()] == [1]


def test_writers_of_different_streams_do_not_fence_each_other(
    table: Table, rows: Rows, lake: Lake, numbers: Numbers
) -> None:
    late = other(lake)
    late.version()
    table.commit(table.stage(rows(1)), {"a": 1})
    assert late.commit(late.stage(rows(2)), {"b": 1}) == 2
    assert numbers(lake) == [1, 2]


def test_a_commit_whose_answer_was_lost_is_found_in_the_log(
    table: Table, rows: Rows, lake: Lake, monkeypatch: pytest.MonkeyPatch, numbers: Numbers
) -> None:
    write = Delta.write

    def answer_lost(self: Delta, *args: object, **kwargs: object) -> None:
        monkeypatch.setattr(Delta, "write", write)
        write(self, *args, **kwargs)  # type: ignore[arg-type]
        raise CommitRefused("connection reset")

    monkeypatch.setattr(Delta, "write", answer_lost)
    assert table.commit(table.stage(rows(1)), {"s": 1}) == 1
    assert numbers(lake) == [1]


def test_a_log_that_takes_nothing_ends_in_an_error_and_leaves_the_table(
    table: Table, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Delta, *args: object, **kwargs: object) -> None:
        raise CommitRefused("permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Delta, "write", refused)
        patch.setattr("time.sleep", lambda seconds: None)
        with pytest.raises(LakeError, match=r"took no commit in 12 tries: permission denied"):
            table.commit(table.stage(rows(1)), {"s": 1})
    assert table.version() == 0
    assert table.commit(table.stage(rows(1)), {"s": 1}) == 1


def test_a_commit_without_files_moves_the_sequence_number(table: Table) -> None:
    assert table.commit([], {"detect": 7}) == 1
    assert table.committed("detect") == 7
    assert table.commit([], {"detect": 7}) is None
    assert list(table.added(0)) == []


def test_a_writer_that_never_committed_is_at_minus_one(table: Table) -> None:
    assert table.committed("s") == -1


def test_a_commit_needs_a_transaction(table: Table, rows: Rows) -> None:
    with pytest.raises(ValueError, match="could be committed twice"):
        table.commit(table.stage(rows(1)), {})


def test_a_column_added_while_a_commit_is_in_flight_only_delays_it(
    table: Table, rows: Rows, lake: Lake, specify: Callable[..., TableSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    files, write = table.stage(rows(1)), Delta.write
    evolving = Lake.open(lake.url)

    def evolved_meanwhile(self: Delta, *args: object, **kwargs: object) -> None:
        monkeypatch.setattr(Delta, "write", write)
        evolving.ensure(specify(colour=pa.string()))
        write(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Delta, "write", evolved_meanwhile)
    assert table.commit(files, {"s": 1}) is not None
    assert pa.Table.from_batches(evolving.table("events").read(table.live(), ["number", "colour"])).to_pylist() == [
        {"number": 1, "colour": None}
    ]


def test_threads_that_wait_share_one_version(table: Table, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first commit holds the turn until all others wait: they then need one version, or a second for late ones."""
    write, entered, go_on = Delta.write, threading.Event(), threading.Event()

    def slow(self: Delta, *args: object, **kwargs: object) -> None:
        entered.set()
        go_on.wait(10)
        write(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Delta, "write", slow)
    staged = [table.stage(rows(n)) for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(table.commit, staged[0], {"s0": 1})
        entered.wait(10)
        rest = [pool.submit(table.commit, staged[n], {f"s{n}": 1}) for n in range(1, 6)]
        wait_for(lambda: len(table._committer._waiting) == 5)
        go_on.set()
        versions = [future.result() for future in (first, *rest)]
    assert versions == [1, 2, 2, 2, 2, 2]
    assert [len(files) for _, files in table.added(0)] == [1, 5]


def test_one_fenced_stream_does_not_stop_those_that_share_its_turn(
    table: Table, rows: Rows, lake: Lake, monkeypatch: pytest.MonkeyPatch, numbers: Numbers
) -> None:
    other(lake).commit(table.stage(rows(1)), {"taken": 1})
    write, entered, go_on = Delta.write, threading.Event(), threading.Event()

    def slow(self: Delta, *args: object, **kwargs: object) -> None:
        entered.set()
        go_on.wait(10)
        write(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Delta, "write", slow)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(table.commit, table.stage(rows(2)), {"a": 1})
        entered.wait(10)
        fenced = pool.submit(table.commit, table.stage(rows(3)), {"taken": 1})
        fine = pool.submit(table.commit, table.stage(rows(4)), {"b": 1})
        wait_for(lambda: len(table._committer._waiting) == 2)
        go_on.set()
        assert first.result() is not None
        assert fine.result() is not None
        assert isinstance(fenced.exception(), Fenced)
    assert numbers(lake) == [1, 2, 4]


def test_four_writers_and_two_compactors_lose_and_double_nothing(
    lake: Lake, table: Table, rows: Rows, numbers: Numbers
) -> None:
    """Each has its own view of the lake, as processes have; the compactors start on a snapshot that is soon stale."""
    rounds, writers, written = 8, 4, threading.Event()

    def write(writer: int) -> None:
        mine = other(lake)
        for seq in range(rounds):
            mine.commit(mine.stage(rows(writer * 100 + seq)), {f"stream-{writer}": seq})

    def tidy() -> int:
        mine, done = other(lake), 0
        while not written.is_set():
            done += len(compact(mine, force=True).days)
        return done + len(compact(mine, force=True).days)

    with ThreadPoolExecutor(writers + 2) as pool:
        compactors = [pool.submit(tidy) for _ in range(2)]
        for future in [pool.submit(write, writer) for writer in range(writers)]:
            future.result()
        written.set()
        assert sum(future.result() for future in compactors) > 0
    assert numbers(lake) == sorted(w * 100 + s for w in range(writers) for s in range(rounds))
    assert sum(file.rows for _, files in table.added(0) for file in files) == writers * rounds
    assert verify(lake) == []
    protocol = DeltaTable(table.url).protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2)
