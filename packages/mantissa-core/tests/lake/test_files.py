from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from mantissa_core.lake.files import LONGEST_BOUND, DataFile, file_stats
from mantissa_core.lake.uuid7 import uuid7

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@settings(max_examples=60)
@given(st.lists(ANY_TEXT, min_size=1, max_size=6))
def test_string_bounds_are_short_and_hold_every_value(values: list[str]) -> None:
    stats = file_stats(pa.table({"a": pa.array(values, pa.string())}), ["a"])
    if "a" in stats["maxValues"]:
        low, high = stats["minValues"]["a"], stats["maxValues"]["a"]
        assert len(low) <= LONGEST_BOUND
        assert len(high) <= LONGEST_BOUND
        assert all(low.encode() <= value.encode() <= high.encode() for value in values)


def test_a_string_that_nothing_short_exceeds_has_no_bounds() -> None:
    stats = file_stats(pa.table({"a": [chr(0x10FFFF) * 40]}), ["a"])
    assert stats["minValues"] == stats["maxValues"] == {}


def test_an_upper_bound_never_contains_half_a_surrogate_pair() -> None:
    stats = file_stats(pa.table({"a": ["\ud7ff" * 40]}), ["a"])
    assert stats["maxValues"]["a"] == "\ud7ff" * 31 + "\ue000"


def test_bounds_are_written_as_the_delta_protocol_says() -> None:
    rows = pa.table(
        {
            "t": pa.array([datetime(2025, 1, 1, 1, 2, 3, 4, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
            "old": pa.array([datetime(33, 1, 1, tzinfo=UTC)] * 2, pa.timestamp("us", "UTC")),
            "d": pa.array([date(2025, 1, 2), date(2025, 1, 1)], pa.date32()),
            "n": pa.array([3, -1], pa.int64()),
            "f": pa.array([1.0, float("nan")]),
            "l": pa.array([["a"], None], pa.list_(pa.string())),
            "none": pa.nulls(2, pa.string()),
        }
    )
    stats = file_stats(rows, rows.schema.names)
    assert stats["minValues"] == {
        "t": "2025-01-01T01:02:03.000004Z",
        "old": "0033-01-01T00:00:00.000000Z",
        "d": "2025-01-01",
        "n": -1,
    }
    assert stats["maxValues"]["d"] == "2025-01-02"
    assert stats["nullCount"] == {"t": 1, "old": 0, "d": 0, "n": 0, "f": 0, "l": 1, "none": 2}
    assert stats["numRecords"] == 2


def test_a_time_beyond_all_calendars_has_no_bounds_and_is_never_pruned() -> None:
    rows = pa.table({"m_time": pa.array([2**60], pa.int64()).cast(pa.timestamp("us", "UTC"))})
    stats = file_stats(rows, ["m_time"])
    assert stats["minValues"] == {}
    assert DataFile("p", 1, 1, "2025-01-01", stats).overlaps(None, datetime(2025, 1, 1, tzinfo=UTC))


def test_a_file_survives_json() -> None:
    file = DataFile("dt=2025-01-01/part-1.parquet", 10, 2, "2025-01-01", {"numRecords": 2, "minValues": {"n": 1}})
    assert DataFile.from_json(json.loads(json.dumps(file.to_json()))) == file


def test_a_file_without_bounds_may_hold_any_time() -> None:
    assert DataFile("p", 1, 1, "2025-01-01").overlaps(datetime(1999, 1, 1, tzinfo=UTC), None)


def test_a_span_includes_both_of_its_ends() -> None:
    day = datetime(2025, 1, 1, tzinfo=UTC)
    bounds = {"m_time": "2025-01-01T00:00:00.000000Z"}
    file = DataFile("p", 1, 1, "2025-01-01", {"minValues": bounds, "maxValues": bounds})
    assert file.overlaps(day, day)
    assert not file.overlaps(day + timedelta(microseconds=1), None)
    assert not file.overlaps(None, day - timedelta(microseconds=1))


def test_names_sort_by_the_time_of_their_making_and_differ() -> None:
    names = [uuid7() for _ in range(200)]
    assert len(set(names)) == 200
    assert [name[:13] for name in names] == sorted(name[:13] for name in names)
    assert {(uuid.UUID(name).version, uuid.UUID(name).variant) for name in names} == {(7, uuid.RFC_4122)}
