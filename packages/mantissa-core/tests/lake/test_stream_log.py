from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pytest
from mantissa_core.errors import Fenced, LakeError
from mantissa_core.lake.compact import compact
from mantissa_core.lake.files import DataFile
from mantissa_core.lake.intent import Intent, open_intents
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.spec import TableSpec
from mantissa_core.lake.stream_log import StreamLog
from mantissa_core.lake.table import Table
from mantissa_core.model import Put
from mantissa_core.state.documents import State

Rows = Callable[..., pa.Table]
Numbers = Callable[..., list[int]]

STREAM = "okta-prod/system_log"


class Crash(BaseException):
    """The process dies here: nothing of ours may catch it and go on."""


@contextmanager
def crash_at(monkeypatch: pytest.MonkeyPatch, owner: type, method: str, call: int, *, after: bool) -> Iterator[None]:
    """Die before or after the ``call``-th call of a method."""
    original, count = getattr(owner, method), 0

    def dying(self: object, *args: object, **kwargs: object) -> object:
        nonlocal count
        count += 1
        if count == call and not after:
            raise Crash
        result = original(self, *args, **kwargs)
        if count == call:
            raise Crash
        return result

    with monkeypatch.context() as patch:
        patch.setattr(owner, method, dying)
        yield


@pytest.fixture
def specs(specify: Callable[..., TableSpec]) -> tuple[TableSpec, TableSpec]:
    return specify("events"), specify("dead_letter", native_ids=False)


def test_a_commit_puts_rows_in_their_tables_and_keeps_the_value(
    lake: Lake, state: State, specs: Sequence[TableSpec], rows: Rows, numbers: Numbers
) -> None:
    log = StreamLog(lake, state, STREAM)
    assert (log.seq, log.value, log.recover()) == (0, {}, False)
    log.commit({specs[0]: rows(1, 2), specs[1]: rows(3)}, {"cursor": "a"})
    log.commit({specs[0]: rows(4)}, {"cursor": "b"})
    assert numbers(lake) == [1, 2, 4]
    assert numbers(lake, "dead_letter") == [3]
    again = StreamLog(lake, state, STREAM)
    assert (again.seq, again.value) == (2, {"cursor": "b"})
    assert list(open_intents(state)) == []


def test_an_empty_page_stores_its_value_and_creates_nothing(
    lake: Lake, state: State, spec: TableSpec, rows: Rows
) -> None:
    log = StreamLog(lake, state, STREAM)
    log.commit({}, {"cursor": "a"})
    log.commit({spec: rows().slice(0, 0)}, {"cursor": "b"})
    assert StreamLog(lake, state, STREAM).value == {"cursor": "b"}
    assert lake.tables() == []


STEPS = [
    (Table, "stage", 1, False),
    (Table, "stage", 1, True),
    (Table, "stage", 2, True),
    (Intent, "puts", 1, True),
    (State, "commit", 1, False),
    (State, "commit", 1, True),
    (Table, "commit", 1, False),
    (Table, "commit", 1, True),
    (Table, "commit", 2, False),
    (Table, "commit", 2, True),
    (State, "commit", 2, False),
    (State, "commit", 2, True),
]


@pytest.mark.parametrize(("owner", "method", "call", "after"), STEPS)
def test_a_crash_at_any_step_neither_loses_nor_doubles_a_row(
    lake: Lake,
    state: State,
    specs: Sequence[TableSpec],
    rows: Rows,
    numbers: Numbers,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    method: str,
    call: int,
    after: bool,
) -> None:
    """The source is read again from the value, as a collector would: cursor n means that page n is committed."""
    pages = [{specs[0]: rows(n), specs[1]: rows(100 + n)} for n in range(3)]
    first = StreamLog(lake, state, STREAM)
    first.commit(pages[0], {"cursor": 1})
    with crash_at(monkeypatch, owner, method, call, after=after), pytest.raises(Crash):
        first.commit(pages[1], {"cursor": 2})
    second = StreamLog(Lake.open(lake.url), state, STREAM)
    second.recover()
    for n in range(second.value["cursor"], 3):
        second.commit(pages[n], {"cursor": n + 1})
    assert numbers(Lake.open(lake.url)) == [0, 1, 2]
    assert numbers(Lake.open(lake.url), "dead_letter") == [100, 101, 102]
    assert list(open_intents(state)) == []


@pytest.mark.parametrize(("call", "after"), [(1, True), (2, False), (2, True)])
def test_a_crash_while_recovering_is_recovered_from(
    lake: Lake,
    state: State,
    specs: Sequence[TableSpec],
    rows: Rows,
    numbers: Numbers,
    monkeypatch: pytest.MonkeyPatch,
    call: int,
    after: bool,
) -> None:
    with crash_at(monkeypatch, Table, "commit", 1, after=False), pytest.raises(Crash):
        StreamLog(lake, state, STREAM).commit({specs[0]: rows(1), specs[1]: rows(2)}, {"cursor": 1})
    with crash_at(monkeypatch, Table, "commit", call, after=after), pytest.raises(Crash):
        StreamLog(lake, state, STREAM).recover()
    log = StreamLog(lake, state, STREAM)
    assert log.recover()
    assert (log.seq, log.value, log.recover()) == (1, {"cursor": 1}, False)
    assert (numbers(lake), numbers(lake, "dead_letter")) == ([1], [2])


def test_after_an_error_nothing_is_committed_until_recovery(
    lake: Lake, state: State, spec: TableSpec, rows: Rows, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = StreamLog(lake, state, STREAM)
    with crash_at(monkeypatch, Table, "commit", 1, after=False), pytest.raises(Crash):
        log.commit({spec: rows(1)}, {"cursor": 1})
    with pytest.raises(LakeError, match=r"call recover\(\) and read on from value"):
        log.commit({spec: rows(1)}, {"cursor": 1})
    assert log.recover()
    assert log.value == {"cursor": 1}
    log.commit({spec: rows(2)}, {"cursor": 2})
    assert numbers(lake) == [1, 2]


def test_a_second_writer_of_a_stream_is_fenced_and_leaves_nothing(
    lake: Lake, state: State, spec: TableSpec, rows: Rows, numbers: Numbers
) -> None:
    first, second = StreamLog(lake, state, STREAM), StreamLog(Lake.open(lake.url), state, STREAM)
    first.commit({spec: rows(1)}, {"cursor": 1})
    with pytest.raises(Fenced, match="another process writes it"):
        second.commit({spec: rows(2)}, {"cursor": 1})
    assert numbers(lake) == [1]
    assert len([e for e in lake.storage.files("tables") if e.name.endswith(".parquet")]) == 1
    second.recover()
    second.commit({spec: rows(2)}, {"cursor": 2})
    assert numbers(lake) == [1, 2]


def test_an_empty_page_does_not_pass_by_an_open_intent(
    lake: Lake, state: State, spec: TableSpec, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = StreamLog(lake, state, STREAM)
    with crash_at(monkeypatch, Table, "commit", 1, after=False), pytest.raises(Crash):
        StreamLog(lake, state, STREAM).commit({spec: rows(1)}, {"cursor": 1})
    with pytest.raises(Fenced):
        second.commit({}, {"cursor": 2})


def test_a_writer_that_slept_through_its_own_recovery_is_fenced(
    lake: Lake, state: State, spec: TableSpec, rows: Rows, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes between its intent and its table commits; another has finished them, gone on and compacted."""
    sleeper, commit = StreamLog(lake, state, STREAM), Table.commit

    def overtaken(self: Table, files: Sequence[DataFile], transactions: Mapping[str, int]) -> int | None:
        monkeypatch.setattr(Table, "commit", commit)
        successor = StreamLog(Lake.open(lake.url), state, STREAM)
        assert successor.recover()
        successor.commit({spec: rows(2)}, {"cursor": 2})
        compact(Lake.open(lake.url).table("events"), force=True)
        return commit(self, files, transactions)

    monkeypatch.setattr(Table, "commit", overtaken)
    with pytest.raises(Fenced):
        sleeper.commit({spec: rows(1)}, {"cursor": 1})
    assert numbers(lake) == [1, 2]
    assert StreamLog(lake, state, STREAM).value == {"cursor": 2}


def test_a_lost_state_store_does_not_make_the_lake_swallow_pages(
    lake: Lake, state: State, spec: TableSpec, rows: Rows, numbers: Numbers
) -> None:
    log = StreamLog(lake, state, STREAM)
    for n in (1, 2, 3):
        log.commit({spec: rows(n)}, {"cursor": n})
    state.commit(f"stream/{STREAM}", [Put("progress", None)])
    fresh = StreamLog(lake, state, STREAM)
    assert fresh.value == {}
    fresh.commit({spec: rows(4)}, {"cursor": 1})
    assert numbers(lake) == [1, 2, 3, 4]


def test_a_state_older_than_the_lake_is_refused(lake: Lake, state: State, spec: TableSpec, rows: Rows) -> None:
    log = StreamLog(lake, state, STREAM)
    log.commit({spec: rows(1)}, {"cursor": 1})
    log.commit({spec: rows(2)}, {"cursor": 2})
    state.commit(f"stream/{STREAM}", [Put("progress", {"seq": 1, "value": {"cursor": 1}})])
    with pytest.raises(Fenced, match="the state store is older than the lake"):
        StreamLog(lake, state, STREAM).commit({spec: rows(3)}, {"cursor": 2})


def files(count: int) -> list[DataFile]:
    stats = {"minValues": {"m_time": "2025-01-01T00:00:00.000000Z", "name": "x" * 32}}
    return [DataFile(f"dt=2025-01-01/part-{n:036}.parquet", 1, 1, "2025-01-01", stats) for n in range(count)]


def test_a_large_intent_is_split_over_documents_and_read_back(state: State) -> None:
    intent = Intent(7, {"cursor": "z"}, {"events": files(1500), "dead_letter": files(3)})
    puts = intent.puts(STREAM)
    assert len(puts) > 2
    state.commit(f"stream/{STREAM}", puts)
    loaded = Intent.load(state, STREAM)
    assert loaded == (intent, [put.key for put in puts])


def test_an_intent_beyond_the_state_store_is_refused_with_the_remedy() -> None:
    with pytest.raises(LakeError, match=r"one commit of 5000 files needs .* smaller pages"):
        Intent(1, {}, {"events": files(5000)}).puts(STREAM)


def test_a_page_whose_intent_is_too_large_leaves_no_files(
    lake: Lake, state: State, spec: TableSpec, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mantissa_core.lake.intent._TOTAL", 100)
    log = StreamLog(lake, state, STREAM)
    with pytest.raises(LakeError, match="smaller pages"):
        log.commit({spec: rows(1)}, {"cursor": 1})
    assert [e for e in lake.storage.files("tables") if e.name.endswith(".parquet")] == []
    monkeypatch.undo()
    log.commit({spec: rows(1)}, {"cursor": 1})
    assert log.value == {"cursor": 1}
