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
SAMPLE = SHARED / "events" / "by-log-type" / "Okta.SystemLog.ndjson"


@pytest.fixture(scope="module")
def log_type() -> LogType:
    return read(files("mantissa_okta.log_types") / "okta_system.yaml")


@pytest.fixture(scope="module")
def builder(log_type: LogType) -> Iterator[RowBuilder]:
    with RowBuilder(log_type) as builder:
        yield builder


def rows_of(builder: RowBuilder, records: list[bytes]) -> list[dict[str, Any]]:
    parsed = builder.build(records, range(len(records)), origin="test", source="okta", ingest_time=NOW)
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
        assert rebuild(row, log_type) == without_nulls(example.event)


def test_every_column_is_described(log_type: LogType) -> None:
    assert [column.path for column in log_type.columns if not column.description.endswith(".")] == []


def test_rules_of_sigma_find_the_log_type(log_type: LogType) -> None:
    assert [(source.product, source.service) for source in log_type.sigma.logsources] == [
        ("okta", "okta"),
        ("okta", "system"),
    ]
    known = {text for column in log_type.columns for text in column.spellings}
    assert set(log_type.sigma.aliases.values()) <= known


def test_copies_of_an_event_are_one_and_other_events_are_others(builder: RowBuilder) -> None:
    event = {"uuid": "1", "eventType": "user.session.start", "target": [{"id": "a"}]}
    other = {**event, "target": [{"id": "b"}]}
    ids = [row["m_id"] for row in rows_of(builder, [json.dumps(each).encode() for each in (event, event, other)])]
    assert ids[0] == ids[1] != ids[2]


def test_keys_folded_to_lower_case_are_the_same_columns(builder: RowBuilder) -> None:
    plain, folded = rows_of(
        builder,
        [
            b'{"eventType": "user.account.lock", "securityContext": {"isProxy": true}}',
            b'{"eventtype": "user.account.lock", "securitycontext": {"isProxy": true}}',
        ],
    )
    for column in ("eventType", "securityContext_isProxy", "m_action"):
        assert plain[column] == folded[column] is not None


def test_a_time_with_a_space_is_understood(builder: RowBuilder) -> None:
    [row] = rows_of(builder, [b'{"uuid": "1", "published": "2025-03-04 14:21:53.225"}'])
    assert row["m_time"] == datetime(2025, 3, 4, 14, 21, 53, 225_000, UTC)
    assert row["m_flags"] is None


@pytest.mark.skipif(not SAMPLE.exists(), reason="the shared sample events are not here")
def test_sample_events_keep_their_identity_and_content(log_type: LogType, builder: RowBuilder) -> None:
    records = [line for line in SAMPLE.read_bytes().splitlines() if line.strip()]
    rows = rows_of(builder, records)
    assert len({row["m_id"] for row in rows}) == len({json.dumps(json.loads(each), sort_keys=True) for each in records})
    assert [rebuild(row, log_type) for row in rows] == [without_nulls(json.loads(each)) for each in records]
