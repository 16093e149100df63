from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from mantissa_core.model import LogType
from mantissa_core.parse.log_types import read
from mantissa_core.parse.rebuild import rebuild
from mantissa_core.parse.rows import RowBuilder

NOW = datetime(2025, 3, 5, tzinfo=UTC)
SHARED = Path(os.environ.get("MANTISSA_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
SAMPLE = SHARED / "events" / "by-log-type" / "AWS.CloudTrail.ndjson"


@pytest.fixture(scope="module")
def log_type() -> LogType:
    return read(files("mantissa_aws.log_types") / "aws_cloudtrail.yaml")


@pytest.fixture(scope="module")
def builder(log_type: LogType) -> Iterator[RowBuilder]:
    with RowBuilder(log_type) as builder:
        yield builder


def rows_of(builder: RowBuilder, records: list[bytes]) -> list[dict[str, Any]]:
    parsed = builder.build(records, range(len(records)), origin="test", source="aws", ingest_time=NOW)
    assert parsed.dead == []
    return parsed.rows.to_pylist()


def without_nulls(value: Any) -> Any:
    return (
        {key: without_nulls(each) for key, each in value.items() if each is not None}
        if isinstance(value, dict)
        else value
    )


def test_every_example_gives_its_overlay(log_type: LogType, builder: RowBuilder) -> None:
    assert len(log_type.examples) >= 4
    rows = rows_of(builder, [json.dumps(example.event).encode() for example in log_type.examples])
    for row, example in zip(rows, log_type.examples, strict=True):
        assert {name: row[f"m_{name}"] for name in example.overlay} == example.overlay
        assert row["m_extra"] is None, "an example has a field that is not declared"
        assert rebuild(row, log_type) == without_nulls(example.event)


def test_every_column_is_described(log_type: LogType) -> None:
    assert [column.path for column in log_type.columns if not column.description.endswith(".")] == []


def test_rules_of_sigma_find_the_log_type(log_type: LogType) -> None:
    assert [(source.product, source.service) for source in log_type.sigma.logsources] == [("aws", "cloudtrail")]
    known = {text for column in log_type.columns for text in column.spellings}
    assert set(log_type.sigma.aliases.values()) <= known


def test_copies_of_an_event_are_one_and_other_events_are_others(builder: RowBuilder) -> None:
    event = {"eventID": "1", "eventName": "CreateUser", "requestParameters": {"userName": "a"}}
    other = {**event, "requestParameters": {"userName": "b"}}
    ids = [row["m_id"] for row in rows_of(builder, [json.dumps(each).encode() for each in (event, event, other)])]
    assert ids[0] == ids[1] != ids[2]


def test_a_service_is_no_address(builder: RowBuilder) -> None:
    [row] = rows_of(builder, [b'{"eventID": "1", "sourceIPAddress": "config.amazonaws.com"}'])
    assert (row["m_src_ip"], row["m_any_ip"], row["sourceIPAddress"]) == (None, None, "config.amazonaws.com")


@pytest.mark.skipif(not SAMPLE.exists(), reason="the shared sample events are not here")
def test_sample_events_keep_their_identity_and_content(log_type: LogType, builder: RowBuilder) -> None:
    records = [line for line in SAMPLE.read_bytes().splitlines() if line.strip()]
    rows = rows_of(builder, records)
    assert len({row["m_id"] for row in rows}) == len({json.dumps(json.loads(each), sort_keys=True) for each in records})
    assert [rebuild(row, log_type) for row in rows] == [without_nulls(json.loads(each)) for each in records]
