from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from mantissa_core.model import LogType
from mantissa_core.parse.log_types import read
from mantissa_core.parse.rows import RowBuilder
from mantissa_core.testing.log_type import LogTypeContract, rows_of

LOG_TYPES = files("mantissa_gcp.log_types")
GOOD = {"insertId": "good", "timestamp": "2025-03-04T09:00:00Z", "logName": "projects/p/logs/l"}


@cache
def log_type_of(name: str) -> LogType:
    return read(LOG_TYPES / f"{name}.yaml")


class TestAudit(LogTypeContract):
    file = LOG_TYPES / "gcp_audit.yaml"

    def test_copies_differ_by_time_and_log_alone(self, log_type: LogType) -> None:
        copies = [GOOD, GOOD, {**GOOD, "timestamp": "2025-03-04T09:00:01Z"}, {**GOOD, "logName": "projects/q/logs/l"}]
        ids = [row["m_id"] for row in rows_of(log_type, copies)]
        assert ids[0] == ids[1]
        assert len(set(ids)) == 3

    def test_the_time_of_the_payload_counts_where_the_entry_is_gone(self, log_type: LogType) -> None:
        at = "2025-03-04 09:00:00.123456789"
        [row] = rows_of(log_type, [{"protoPayload": {"methodName": "SetIamPolicy", "timestamp": at}}])
        assert (row["m_time"], row["m_flags"]) == (datetime(2025, 3, 4, 9, 0, 0, 123456, tzinfo=UTC), None)

    @pytest.mark.parametrize(
        ("payload", "severity", "outcome"),
        [
            ({}, "NOTICE", "success"),
            ({"status": {}}, "NOTICE", "success"),
            ({"status": {"code": 0}}, None, "success"),
            ({"status": {"code": 7, "message": "no"}}, "ERROR", "failure"),
            ({"status": {"code": 5}}, None, "failure"),
            ({}, "ERROR", "failure"),
        ],
        ids=str,
    )
    def test_the_outcome_is_that_of_the_status(
        self, log_type: LogType, payload: dict[str, Any], severity: str | None, outcome: str
    ) -> None:
        event = {**GOOD, "severity": severity, "protoPayload": {"methodName": "SetIamPolicy", **payload}}
        [row] = rows_of(log_type, [event])
        assert row["m_outcome"] == outcome

    def test_a_method_without_a_verb_of_its_own_is_a_call(self, log_type: LogType) -> None:
        [row] = rows_of(log_type, [{**GOOD, "protoPayload": {"methodName": "google.new.v9.Service.Do"}}])
        assert row["m_action"] == "api_call"


class TestVpcFlow(LogTypeContract):
    file = LOG_TYPES / "gcp_vpc_flow.yaml"


@pytest.mark.parametrize("name", ["gcp_audit", "gcp_vpc_flow"])
@pytest.mark.parametrize(
    ("bad", "flags"),
    [
        ({**GOOD, "protoPayload": "text", "jsonPayload": [1]}, ["drift"]),
        ({**GOOD, "insertId": 7, "resource": {"labels": {"project_id": 1}}, "severity": 9}, ["drift"]),
        ({**GOOD, "severity": "UNHEARD_OF", "protoPayload": {"methodName": "new"}}, None),
        ({**GOOD, "labels": {str(number): "x" for number in range(20_000)}}, None),
        ({"logName": "l"}, ["time_missing"]),
        ({**GOOD, "timestamp": "yesterday"}, ["time_missing"]),
        ({**GOOD, "timestamp": 1741078800}, ["time_missing", "drift"]),
        ({**GOOD, "timestamp": "2025-03-04 09:00:00.123456789"}, None),
        ({**GOOD, "timestamp": "2025-03-04T10:00:00.5+01:00"}, None),
        ({**GOOD, "timestamp": (datetime.now(UTC) + timedelta(days=9)).isoformat()}, ["time_out_of_range"]),
    ],
    ids=["payload", "types", "values", "large", "missing", "no time", "number", "nanoseconds", "zone", "future"],
)
def test_a_bad_entry_is_kept_with_a_flag_and_its_neighbours_are_read(
    name: str, bad: dict[str, Any], flags: list[str] | None
) -> None:
    row, good = rows_of(log_type_of(name), [bad, {**GOOD, "insertId": "next"}])
    assert row["m_flags"] == flags
    assert (good["insertId"], good["m_flags"]) == ("next", None)


@pytest.mark.parametrize("name", ["gcp_audit", "gcp_vpc_flow"])
@pytest.mark.parametrize("record", [b'{"insertId": "x"', b"[]", b'"text"', b"", b"\xff\xfe"], ids=str)
def test_what_is_no_entry_becomes_a_dead_letter_and_its_neighbours_are_read(name: str, record: bytes) -> None:
    with RowBuilder(log_type_of(name)) as builder:
        records = [json.dumps(GOOD).encode(), record, json.dumps({**GOOD, "insertId": "next"}).encode()]
        parsed = builder.build(records, range(3), origin="test", source="test", ingest_time=datetime.now(UTC))
    assert parsed.rows["insertId"].to_pylist() == ["good", "next"]
    assert len(parsed.dead) == 1
