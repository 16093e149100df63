from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from mantissa_core.model import LogType
from mantissa_core.parse.log_types import read
from mantissa_core.parse.rows import RowBuilder


@pytest.fixture(scope="module")
def log_type() -> LogType:
    return read(files("mantissa_acme.log_types") / "acme_gadget.yaml")


def test_every_example_gives_its_overlay(log_type: LogType) -> None:
    records = [json.dumps(example.event).encode() for example in log_type.examples]
    with RowBuilder(log_type) as builder:
        now = datetime(2025, 3, 5, tzinfo=UTC)
        parsed = builder.build(records, range(len(records)), origin="tests", source="tests", ingest_time=now)
    assert parsed.dead == []
    for row, example in zip(parsed.rows.to_pylist(), log_type.examples, strict=True):
        assert {name: row[f"m_{name}"] for name in example.overlay} == example.overlay
        assert row["m_flags"] is None, "a field is not of its declared type, or the time cannot be read"


def test_every_field_of_the_examples_is_declared_and_described(log_type: LogType) -> None:
    paths = {column.path for column in log_type.columns}
    assert {key for example in log_type.examples for key in example.event} <= paths
    assert [column.path for column in log_type.columns if not column.description] == []
