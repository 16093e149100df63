"""Every event can be rebuilt from its row, whichever path it took, and both paths make the same row."""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mantissa_core.model import LogType
from mantissa_core.parse.flatten import Flattener, flatten
from mantissa_core.parse.layout import Branch, Layout
from mantissa_core.parse.rebuild import rebuild
from mantissa_core.parse.rows import RowBuilder

NOW = datetime(2025, 3, 4, 12, tzinfo=UTC)

LOG_TYPE = LogType.model_validate(
    {
        "name": "test.everything",
        "title": "Every type, nested and spelled in several ways",
        "time": {"path": "when"},
        "id": {"native": ["id"]},
        "columns": [
            {"path": "id"},
            {"path": "when"},
            {"path": "flag", "type": "bool"},
            {"path": "small", "type": "int32"},
            {"path": "big", "type": "int64"},
            {"path": "ratio", "type": "double"},
            {"path": "tags", "type": "list<string>"},
            {"path": "day", "type": "date"},
            {"path": "moment", "type": "timestamp"},
            {"path": "blob", "type": "binary"},
            {"path": "outer.name"},
            {"path": "outer.inner.count", "type": "int64"},
            {"path": "outer.inner.free", "type": "json"},
            {"path": "free", "type": "json"},
            {"path": "free.user"},
            {"path": "free.deep.key"},
            {"path": "free.deep.KEY", "name": "free_deep_key_2"},
            {"paths": ["ip", "IP", "net.ip"], "name": "address"},
            {"path": "callerId"},
            {"path": "callerID", "name": "caller_id_2"},
            {"path": "a\\.b", "name": "dotted"},
            {"path": "sp ace.\"q\"", "name": "quoted"},
        ],
        "overlay": {"user": ["free.user", "outer.name"], "any_user": ["free.user", "id", "tags"]},
    }
)  # fmt: skip

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["{x", "[", "2024-01-02", "2024-01-02T03:04:05Z", "2024-01-02T03:04:05.120Z", "YWJj", "\x00", "null", 'é/\\"']
)
NUMBERS = (
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([2**53, 2**53 + 1, 1.0, -0.0])
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
KEYS = (
    st.sampled_from(["name", "inner", "count", "free", "user", "deep", "key", "KEY", "ip", "x", "a.b", "a", "b"]) | TEXT
)
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))

FITTING: Mapping[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "bool": st.booleans(),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "double": NUMBERS,
    "list<string>": st.lists(TEXT, max_size=3),
    "json": ANYTHING,
    "date": st.dates().map(lambda day: day.isoformat()),
    "timestamp": st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat() + "Z"),
    "binary": st.sampled_from(["", "YWJj", "YWI=", "YWI"]),
}


def members(branch: Branch) -> st.SearchStrategy[dict[str, Any]]:
    """Objects whose declared members mostly fit, with others among them."""
    declared = {
        key: st.one_of(members(node), members(node), ANYTHING)
        if isinstance(node, Branch)
        else st.one_of(FITTING[node.column.type], FITTING[node.column.type], SCALARS, ANYTHING)
        for key, node in branch.members.items()
    }
    known = st.fixed_dictionaries({}, optional=declared)
    return st.builds(lambda more, known: {**more, **known}, st.dictionaries(KEYS, ANYTHING, max_size=1), known) | known


EVENTS = members(Layout(LOG_TYPE).root)
CLEAN = members(
    Branch(
        {
            key: node
            for key, node in Layout(LOG_TYPE).root.members.items()
            if key in {"id", "flag", "big", "tags", "outer", "free"}
        }
    )
)


@pytest.fixture(scope="module")
def builder() -> Iterator[RowBuilder]:
    with RowBuilder(LOG_TYPE) as builder:
        yield builder


def without_nulls(value: Any, branch: Branch | None) -> Any:
    """Drop null members of the event and of declared objects, where null and absent are the same."""
    if branch is None or not isinstance(value, dict):
        return value
    inner = {key: node for key, node in branch.members.items() if isinstance(node, Branch)}
    return {key: without_nulls(each, inner.get(key)) for key, each in value.items() if each is not None}


def expected(event: Mapping[str, Any]) -> Any:
    return without_nulls(event, Layout(LOG_TYPE).root)


def rows_of(builder: RowBuilder, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    records = [json.dumps(event).encode() for event in events]
    parsed = builder.build(records, range(len(records)), origin="o", source="s", ingest_time=NOW)
    assert not parsed.dead
    made: list[dict[str, Any]] = parsed.rows.to_pylist()
    return made


@settings(max_examples=100, deadline=None)
@given(EVENTS)
def test_flattening_loses_nothing(event: dict[str, Any]) -> None:
    columns, extra, _ = flatten(event, LOG_TYPE)
    row = {**columns, "m_extra": None if extra is None else json.dumps(extra)}
    assert rebuild(row, LOG_TYPE) == expected(event)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(EVENTS | CLEAN, min_size=1, max_size=12))
def test_rows_rebuild_to_their_events_in_order(builder: RowBuilder, events: list[dict[str, Any]]) -> None:
    rows = rows_of(builder, events)
    assert [rebuild(row, LOG_TYPE) for row in rows] == [expected(event) for event in events]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(CLEAN | EVENTS, min_size=1, max_size=8))
def test_the_fast_path_makes_the_rows_of_the_reference(builder: RowBuilder, events: list[dict[str, Any]]) -> None:
    for row, event in zip(rows_of(builder, events), events, strict=True):
        columns, extra, drift = flatten(event, LOG_TYPE)
        for column in LOG_TYPE.columns:
            made: Any = row[column.column]
            wanted: Any = columns.get(column.column)
            if column.type == "json":
                assert (made is None) == (wanted is None)
                assert made is None or json.loads(made) == json.loads(wanted)
            elif column in {promoted for promoted, _ in LOG_TYPE.promoted()} and _is_number(wanted):
                assert float(made) == float(wanted)  # the texts of one number may differ
            else:
                assert made == wanted, column.column
        assert (row["m_extra"] is None) == (extra is None)
        assert ("drift" in (row["m_flags"] or [])) == bool(drift)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(CLEAN, min_size=1, max_size=5))
def test_a_record_has_the_same_row_on_both_paths(builder: RowBuilder, events: list[dict[str, Any]]) -> None:
    """A repeated key anywhere in a batch makes DuckDB refuse the batch: all of it takes the slow path."""
    records = [json.dumps(event).encode() for event in events]
    spoiled = [*records, b'{"id":"1","id":"2"}']
    alone = builder.build(records, range(len(records)), origin="o", source="s", ingest_time=NOW)
    together = builder.build(spoiled, range(len(spoiled)), origin="o", source="s", ingest_time=NOW)
    assert [letter.reason for letter in together.dead] == ["repeats the key 'id' in the event"]
    assert together.rows.equals(alone.rows)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"outer": {}},
        {"outer": {"inner": {}}},
        {"outer": {"inner": {"count": None}}},
        {"outer": []},
        {"outer": [{"name": "x"}]},
        {"outer": "text"},
        {"big": 2**63},
        {"big": 1.0},
        {"small": 2**31},
        {"ratio": 2**53 + 1},
        {"ratio": 5},
        {"tags": []},
        {"tags": ["a", None]},
        {"day": "2024-1-2"},
        {"moment": "2024-01-02T03:04:05+00:00"},
        {"blob": "YWI"},
        {"free": {"user": None, "deep": {"key": [None]}}},
        {"free": "{not json"},
        {"IP": "::1"},
        {"ip": "::1", "net": {"ip": "::2"}},
        {"ip": None, "IP": "::1"},
        {"ip": 5, "IP": "::1"},
        {"net": {}},
        {"callerId": "a", "callerID": "b"},
        {"a.b": "literal", "a": {"b": "nested"}},
        {"undeclared": {"deep": [None, {"x": None}]}},
    ],
    ids=json.dumps,
)
def test_awkward_events_rebuild(builder: RowBuilder, event: dict[str, Any]) -> None:
    (row,) = rows_of(builder, [event])
    assert rebuild(row, LOG_TYPE) == expected(event)


def test_both_spellings_stay_in_the_rest_and_the_first_fills_the_column() -> None:
    columns, extra, _ = Flattener(Layout(LOG_TYPE)).flatten({"ip": "::1", "net": {"ip": "::2"}})
    assert columns == {"address": "::1"}
    assert extra == {"ip": "::1", "net": {"ip": "::2"}}


def test_a_value_of_another_type_is_kept_flagged_and_counted(builder: RowBuilder) -> None:
    records = [b'{"flag": "true"}', b'{"outer": [1]}', b'{"flag": true}', b'{"flag": 1}']
    parsed = builder.build(records, range(4), origin="o", source="s", ingest_time=NOW)
    assert dict(parsed.drift) == {"flag": 2, "outer": 1}
    assert parsed.rows["flag"].to_pylist() == [None, None, True, None]
    assert parsed.rows["m_flags"].to_pylist()[2] == ["time_missing"]
    assert parsed.rows["m_flags"].to_pylist()[0] == ["time_missing", "drift"]


def test_promoted_columns_hold_scalars_only(builder: RowBuilder) -> None:
    users = ["bob", 1.5, True, None, {"x": 1}, ["y"], "{z", "", "null"]
    rows = rows_of(builder, [{"free": {"user": user}} for user in users])
    assert [row["free_user"] for row in rows] == ["bob", "1.5", "true", None, None, None, "{z", "", "null"]


def test_keys_inside_json_columns_are_told_apart_by_case(builder: RowBuilder) -> None:
    (row,) = rows_of(builder, [{"free": {"deep": {"key": "lower", "KEY": "upper"}, "user": "bob"}}])
    assert (row["free_deep_key"], row["free_deep_key_2"]) == ("lower", "upper")


def _is_number(text: str | None) -> bool:
    try:
        return text is not None and math.isfinite(float(text))
    except ValueError:
        return False
