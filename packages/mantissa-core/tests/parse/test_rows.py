"""Rows beyond losslessness: order, ids, time, overlay, and the schema that the lake gets."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from mantissa_core.model import LogType
from mantissa_core.parse import clean, rows
from mantissa_core.parse.rebuild import rebuild
from mantissa_core.parse.rows import Parsed, RowBuilder
from mantissa_core.parse.schema import row_schema

NOW = datetime(2025, 3, 4, 12, tzinfo=UTC)

MANY = {f"Event{number}": "login" for number in range(20)}

LOG_TYPE = LogType.model_validate(
    {
        "name": "test.audit",
        "title": "Audit",
        "time": {"path": "time"},
        "id": {"native": ["id", "part"]},
        "columns": [
            {"path": "id"},
            {"path": "part", "type": "int64"},
            {"path": "time"},
            {"path": "kind"},
            {"path": "who.name"},
            {"path": "ip"},
            {"path": "peer"},
            {"path": "ok", "type": "bool"},
            {"path": "code", "type": "int64"},
            {"path": "groups", "type": "list<string>"},
            {"path": "detail", "type": "json"},
            {"path": "detail.target"},
            {"path": 'it\'s."odd"', "name": "odd"},
        ],
        "overlay": {
            "user": [{"when": {"kind": "Root"}, "then": "it's root"}, "who.name", "groups"],
            "src_ip": ["ip"],
            "dst_ip": ["peer"],
            "action": [
                {"path": "kind", "map": {"Logout": "logout"}},
                {"path": "kind", "map": MANY, "default": "api_call"},
            ],
            "outcome": [
                {"when": {"ok": True, "code": 0}, "then": "success"},
                {"when": {"ok": False}, "then": "failure"},
                {"when": {"ok": None, "kind": ["Denied", "Refused"]}, "then": "failure"},
                {"when": {"groups": "admins", "code": "*"}, "then": "success"},
            ],
            "target": ["detail.target"],
            "any_ip": ["ip", "peer"],
            "any_user": ["who.name", "detail.target"],
            "any_resource": ["groups", "detail.target"],
        },
    }
)


@pytest.fixture(scope="module")
def builder() -> Iterator[RowBuilder]:
    with RowBuilder(LOG_TYPE) as builder:
        yield builder


def build(builder: RowBuilder, *events: Any, **options: Any) -> Parsed:
    records = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
    return builder.build(records, range(len(records)), origin="origin", source="label", ingest_time=NOW, **options)


def row(builder: RowBuilder, event: Any, **options: Any) -> dict[str, Any]:
    made: list[dict[str, Any]] = build(builder, event, **options).rows.to_pylist()
    assert len(made) == 1
    return made[0]


def test_rows_have_the_schema_of_the_log_type(builder: RowBuilder) -> None:
    parsed = build(builder, {"id": "1"}, {"zz": 1})
    assert parsed.rows.schema.equals(row_schema(LOG_TYPE))
    assert parsed.rows.schema.names[-1] == "dt"
    assert build(builder).rows.schema.equals(row_schema(LOG_TYPE))
    assert build(builder, b"nonsense").rows.schema.equals(row_schema(LOG_TYPE))
    assert row_schema(LOG_TYPE).field("m_time").type == pa.timestamp("us", tz="UTC")


def test_clean_and_drifting_records_keep_their_order(builder: RowBuilder) -> None:
    events = [{"id": str(number), **({"undeclared": 1} if number % 3 == 0 else {})} for number in range(50)]
    assert build(builder, *events).rows["id"].to_pylist() == [str(number) for number in range(50)]


def test_the_vendors_id_makes_the_id_wherever_the_record_stood(builder: RowBuilder) -> None:
    wanted = hashlib.sha256(b"test.audit\0abc\x007").hexdigest()[:32]
    clean_row = row(builder, {"id": "abc", "part": 7})
    drifting = row(builder, {"id": "abc", "part": 7, "more": 1})
    assert clean_row["m_id"] == drifting["m_id"] == wanted
    assert row(builder, {"id": "abc"})["m_id"] == hashlib.sha256(b"test.audit\0abc\0").hexdigest()[:32]


def test_without_the_vendors_id_equal_records_are_two_events(builder: RowBuilder) -> None:
    first, second = build(builder, {"kind": "x"}, {"kind": "x"}).rows["m_id"].to_pylist()
    assert first == hashlib.sha256(b"test.audit\0origin\x000").hexdigest()[:32]
    assert second == hashlib.sha256(b"test.audit\0origin\x001").hexdigest()[:32]


def test_records_of_several_origins_are_built_together(builder: RowBuilder) -> None:
    origins = ["a", "a", "b", "a"]
    records = [b'{"kind":"x"}'] * 3 + [b"broken"]
    parsed = builder.build(records, [0, 1, 0, 2], origin=origins, source="s", ingest_time=NOW)
    apart = [
        builder.build(records[:1], [position], origin=origin, source="s", ingest_time=NOW).rows["m_id"][0].as_py()
        for origin, position in (("a", 0), ("a", 1), ("b", 0))
    ]
    assert parsed.rows["m_id"].to_pylist() == apart
    assert [(letter.origin, letter.position) for letter in parsed.dead] == [("a", 2)]


def test_ids_of_json_text_do_not_depend_on_the_path_taken() -> None:
    log_type = LogType.model_validate(
        {
            "name": "test.json_id",
            "title": "t",
            "id": {"native": ["id", "body"]},
            "columns": [{"path": "id"}, {"path": "body", "type": "json"}],
        }
    )
    bodies = ['{"a": 1e22, "b": "\\u001f\\/é", "c": 1E5, "d": 1.10}', '{ "x" : [ 1 , 2 ] }', "1e-7", '"text"']
    with RowBuilder(log_type) as builder:
        for body in bodies:
            ids = {
                row(builder, f'{{"id": "1", "body": {body}{more}}}'.encode())["m_id"] for more in ("", ', "more": 1')
            }
            assert len(ids) == 1, body


@pytest.mark.parametrize(
    ("event", "overlay"),
    [
        ({"kind": "Root", "who": {"name": "bob"}}, {"m_user": "it's root"}),
        ({"who": {"name": "bob"}}, {"m_user": "bob", "m_any_user": ["bob"]}),
        ({"groups": ["first", "second"]}, {"m_user": "first", "m_any_resource": ["first", "second"]}),
        (
            {"ip": "10.0.0.1", "peer": "::1"},
            {"m_src_ip": "10.0.0.1", "m_dst_ip": "::1", "m_any_ip": ["10.0.0.1", "::1"]},
        ),
        ({"ip": "cloudtrail.amazonaws.com"}, {"m_src_ip": None, "m_any_ip": None}),
        ({"ip": "203.0.113.17:50123"}, {"m_src_ip": "203.0.113.17", "m_any_ip": ["203.0.113.17"]}),
        ({"ip": "[2001:db8::17]:443"}, {"m_src_ip": "2001:db8::17", "m_any_ip": ["2001:db8::17"]}),
        ({"ip": "[2001:db8::17"}, {"m_src_ip": None, "m_any_ip": None}),
        ({"ip": "10.0.0.1", "peer": "10.0.0.1"}, {"m_any_ip": ["10.0.0.1"]}),
        ({"kind": "Logout"}, {"m_action": "logout"}),
        ({"kind": "Event7"}, {"m_action": "login"}),
        ({"kind": "Unheard"}, {"m_action": "api_call"}),
        ({}, {"m_action": None, "m_outcome": None, "m_any_user": None}),
        ({"ok": True, "code": 0}, {"m_outcome": "success"}),
        ({"ok": True, "code": 1}, {"m_outcome": None}),
        ({"ok": False}, {"m_outcome": "failure"}),
        ({"kind": "Refused"}, {"m_outcome": "failure"}),
        ({"groups": ["x", "admins"], "code": 5}, {"m_outcome": "success"}),
        ({"detail": {"target": "t"}, "groups": ["t", "g"]}, {"m_target": "t", "m_any_resource": ["g", "t"]}),
        ({"detail": {"target": {"not": "scalar"}}}, {"m_target": None, "m_any_user": None}),
    ],
    ids=json.dumps,
)
def test_overlay(builder: RowBuilder, event: dict[str, Any], overlay: dict[str, Any]) -> None:
    for each in (event, {**event, "undeclared": True}):
        made = row(builder, each)
        assert {name: made[name] for name in overlay} == overlay


def test_what_batches_have_in_common(builder: RowBuilder) -> None:
    made = row(builder, {"id": "1"})
    assert (made["m_source"], made["m_ingest_time"]) == ("label", NOW)


def test_a_source_label_is_data_not_sql(builder: RowBuilder) -> None:
    label = "x'); DROP TABLE m_flattened; --\0\""
    parsed = builder.build([b'{"id":"1"}'], [0], origin="o", source=label, ingest_time=NOW)
    assert parsed.rows["m_source"].to_pylist() == [label]


def test_event_time_and_partition(builder: RowBuilder) -> None:
    made = row(builder, {"time": "2025-03-03T23:30:00-01:00"})
    assert (made["m_time"], made["dt"], made["m_flags"]) == (
        datetime(2025, 3, 4, 0, 30, tzinfo=UTC),
        "2025-03-04",
        None,
    )


@pytest.mark.parametrize("text", [None, "", "yesterday", "infinity", "epoch", "now", "2025-02-30", 5, "0000-01-01"])
def test_a_time_that_cannot_be_read_becomes_that_of_ingestion(builder: RowBuilder, text: object) -> None:
    made = row(builder, {"time": text})
    assert (made["m_time"], made["dt"]) == (NOW, "2025-03-04")
    assert "time_missing" in made["m_flags"]


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "2025-03-06T00:00:00Z", "9999-12-31"])
def test_a_time_out_of_range_is_kept_but_not_partitioned_by(builder: RowBuilder, text: str) -> None:
    made = row(builder, {"time": text})
    assert made["m_time"].isoformat().startswith(text[:10])
    assert (made["dt"], made["m_flags"]) == ("2025-03-04", ["time_out_of_range"])


def test_retention_bounds_the_partitions(builder: RowBuilder) -> None:
    event = {"time": (NOW - timedelta(days=10)).isoformat()}
    assert row(builder, event, retention_days=10)["dt"] == "2025-02-22"
    assert row(builder, event, retention_days=9)["m_flags"] == ["time_out_of_range"]
    assert row(builder, event, retention_days=10**9)["dt"] == "2025-02-22"


@pytest.mark.parametrize(
    ("format_", "type_", "value", "wanted"),
    [
        ("epoch_s", "int64", 1741089600, datetime(2025, 3, 4, 12, tzinfo=UTC)),
        ("epoch_s", "double", 1741089600.25, datetime(2025, 3, 4, 12, 0, 0, 250000, tzinfo=UTC)),
        ("epoch_s", "string", "1741089600.123456", datetime(2025, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)),
        ("epoch_ms", "int64", 1741089600123, datetime(2025, 3, 4, 12, 0, 0, 123000, tzinfo=UTC)),
        ("epoch_us", "int64", 1741089600123456, datetime(2025, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)),
        ("epoch_s", "int64", 2**62, None),
        ("epoch_s", "string", "nan", None),
        ("epoch_ms", "json", 1741089600123, datetime(2025, 3, 4, 12, 0, 0, 123000, tzinfo=UTC)),
        ("epoch_ms", "json", "1741089600123", datetime(2025, 3, 4, 12, 0, 0, 123000, tzinfo=UTC)),
        ("iso8601", "json", "2025-03-04 12:00:00.000000000", datetime(2025, 3, 4, 12, tzinfo=UTC)),
        ("iso8601", "json", {"at": "2025-03-04"}, None),
        ("epoch_s", "string", "1e9", None),
        ("iso8601", "string", "2025-03-04 12:00:00", datetime(2025, 3, 4, 12, tzinfo=UTC)),
        ("epoch_ns", "int64", 1741089600123456789, datetime(2025, 3, 4, 12, 0, 0, 123457, tzinfo=UTC)),
        ("epoch_ns", "string", "1741089600123456000", datetime(2025, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)),
        ("iso8601", "string", "2025-03-04t12:00:00,5z", datetime(2025, 3, 4, 12, 0, 0, 500000, tzinfo=UTC)),
        ("iso8601", "string", "2025-03-04T12:00:00.1234567Z", datetime(2025, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)),
        ("iso8601", "string", "2025-03-04T14:00:00+0200", datetime(2025, 3, 4, 12, tzinfo=UTC)),
        ("iso8601", "string", "2025-03-04T14:00+02", datetime(2025, 3, 4, 12, tzinfo=UTC)),
        ("iso8601", "string", "2025-03-04", datetime(2025, 3, 4, tzinfo=UTC)),
        ("iso8601", "string", "9999-12-31T23:59:59-05:00", None),
        ("iso8601", "timestamp", "2025-03-04T12:00:00Z", datetime(2025, 3, 4, 12, tzinfo=UTC)),
        ("iso8601", "bool", True, None),
        ("epoch_s", "json", 1741089600, datetime(2025, 3, 4, 12, tzinfo=UTC)),
        ("epoch_s", "json", "1741089600", datetime(2025, 3, 4, 12, tzinfo=UTC)),
        ("iso8601", "json", "2025-03-04T12:00:00Z", datetime(2025, 3, 4, 12, tzinfo=UTC)),
        ("iso8601", "json", {"at": "2025-03-04T12:00:00Z"}, None),
        ("iso8601", "json", 20250304, None),
    ],
)
def test_formats_of_time(format_: str, type_: str, value: object, wanted: datetime | None) -> None:
    document = {"name": "t.t", "title": "t", "columns": [{"path": "at", "type": type_}]}
    log_type = LogType.model_validate({**document, "time": {"path": "at", "format": format_}})
    with RowBuilder(log_type) as builder:
        made = row(builder, {"at": value})
    assert made["m_time"] == (wanted or NOW)
    assert ("time_missing" in (made["m_flags"] or [])) == (wanted is None)


def test_of_several_times_the_first_that_an_event_says_counts() -> None:
    times = [{"path": "at"}, {"path": "created", "format": "epoch_ms"}]
    columns = [{"path": "at"}, {"path": "created", "type": "int64"}]
    log_type = LogType.model_validate({"name": "t.t", "title": "t", "time": times, "columns": columns})
    noon, one = datetime(2025, 3, 4, 12, tzinfo=UTC), datetime(2025, 3, 4, 13, tzinfo=UTC)
    epoch = int(one.timestamp() * 1000)
    with RowBuilder(log_type) as builder:
        assert row(builder, {"at": "2025-03-04T12:00:00Z", "created": epoch})["m_time"] == noon
        assert row(builder, {"created": epoch})["m_time"] == one
        assert row(builder, {"at": "yesterday", "created": epoch})["m_time"] == one
        assert "time_missing" in row(builder, {"at": "yesterday"})["m_flags"]


def test_large_batches_are_worked_on_in_parts(builder: RowBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_PART_BYTES", 100)
    events = [{"id": str(number), "kind": "k" * 20} if number % 4 else b"{" for number in range(40)]
    parsed = build(builder, *events)
    assert parsed.rows["id"].to_pylist() == [str(number) for number in range(40) if number % 4]
    assert [letter.position for letter in parsed.dead] == list(range(0, 40, 4))


def test_one_record_that_duckdb_refuses_slows_its_neighbours_only(
    builder: RowBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean, "SMALLEST_SPLIT", 4)
    events = [{"id": str(number)} for number in range(30)]
    parsed = build(builder, *events[:17], b'{"id":"x","id":"y"}', *events[17:])
    assert parsed.rows["id"].to_pylist() == [str(number) for number in range(30)]
    assert [letter.position for letter in parsed.dead] == [17]


def test_records_with_line_feeds_inside(builder: RowBuilder) -> None:
    record = json.dumps({"id": "1", "detail": {"text": "a\nb"}}, indent=2).encode()
    (made,) = build(builder, record, {"id": "2"}).rows.to_pylist()[:1]
    assert rebuild(made, LOG_TYPE) == {"id": "1", "detail": {"text": "a\nb"}}


def test_builders_of_a_type_that_the_fast_path_cannot_read_at_all() -> None:
    log_type = LogType.model_validate({"name": "t.d", "title": "t", "columns": [{"path": "day", "type": "date"}]})
    with RowBuilder(log_type) as builder:
        parsed = build(builder, {"day": "2025-03-04"}, {})
    assert [rebuild(each, log_type) for each in parsed.rows.to_pylist()] == [{"day": "2025-03-04"}, {}]


def test_a_builder_reads_nothing_but_its_own_scratch_file(builder: RowBuilder) -> None:
    connection = builder._clean.columns._connection
    with pytest.raises(Exception, match=r"Permission|disabled"):
        connection.execute("SELECT * FROM read_text('/etc/hostname')")
