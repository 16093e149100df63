from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from mantissa_core.model import LogType
from mantissa_core.parse.log_types import read
from mantissa_core.testing.log_type import LogTypeContract, rows_of

FOLDER = files("mantissa_azure.log_types")
NAMES = ("azure_activity", "entra_signin", "entra_audit", "entra_risk_detection")


class TestActivity(LogTypeContract):
    file = FOLDER / "azure_activity.yaml"

    def test_the_request_body_may_be_text_or_an_object(self, log_type: LogType) -> None:
        bodies: list[Any] = ['{"keyName":"key1"}', {"keyName": "key1"}]
        rows = rows_of(log_type, [{"correlationId": "1", "properties": {"requestbody": each}} for each in bodies])
        assert [row["properties_requestbody"] for row in rows] == ['{"keyName":"key1"}', None]
        assert [json.loads(row["properties"])["requestbody"] for row in rows] == bodies
        assert "drift" not in str([row["m_flags"] for row in rows])

    def test_the_steps_of_one_operation_are_events_of_their_own(self, log_type: LogType) -> None:
        step = {"correlationId": "1", "time": "2025-03-04T09:15:02Z", "operationName": "X/WRITE"}
        rows = rows_of(log_type, [{**step, "resultType": each} for each in ("Start", "Accept", "Success")])
        assert len({row["m_id"] for row in rows}) == 3
        assert [row["m_outcome"] for row in rows] == [None, None, "success"]

    def test_the_operation_of_the_rest_api_is_an_object_and_its_permission_says_what_was_done(
        self, log_type: LogType
    ) -> None:
        action = "Microsoft.Authorization/roleAssignments/write"
        event = {"correlationId": "1", "operationName": {"value": action}, "authorization": {"action": action}}
        [row] = rows_of(log_type, [event])
        assert (row["m_action"], row["operationName"]) == ("role_grant", None)
        assert row["m_flags"] == ["time_missing", "drift"]


class TestSignIn(LogTypeContract):
    file = FOLDER / "entra_signin.yaml"

    def test_a_sign_in_that_ends_otherwise_than_it_began_is_two_events(self, log_type: LogType) -> None:
        attempts = [{"properties": {"id": "1", "status": {"errorCode": code}}} for code in (50074, 0, 0)]
        ids = [row["m_id"] for row in rows_of(log_type, attempts)]
        assert len(set(ids)) == 2

    def test_the_time_is_that_of_the_sign_in_and_else_of_the_record(self, log_type: LogType) -> None:
        properties = {"createdDateTime": "2025-07-30T17:06:12.1234567+00:00"}
        record = {"time": "7/30/2025 5:06:13 PM", "properties": properties}
        rows = rows_of(log_type, [record, {"time": "2025-07-30 17:06:13.123"}])
        assert [row["m_time"] for row in rows] == [
            datetime(2025, 7, 30, 17, 6, 12, 123_456, UTC),
            datetime(2025, 7, 30, 17, 6, 13, 123_000, UTC),
        ]


class TestAudit(LogTypeContract):
    file = FOLDER / "entra_audit.yaml"


class TestRiskDetection(LogTypeContract):
    file = FOLDER / "entra_risk_detection.yaml"

    def test_a_detection_whose_state_changes_is_another_event(self, log_type: LogType) -> None:
        states = ("atRisk", "remediated", "remediated")
        rows = rows_of(log_type, [{"properties": {"id": "1", "riskState": state}} for state in states])
        assert len({row["m_id"] for row in rows}) == 2


@pytest.mark.parametrize("name", NAMES)
def test_rules_of_sigma_find_the_log_types(name: str) -> None:
    services = {source.service for source in read(FOLDER / f"{name}.yaml").sigma.logsources}
    assert (
        services
        == {
            "azure_activity": {"activitylogs"},
            "entra_signin": {"signinlogs"},
            "entra_audit": {"auditlogs"},
            "entra_risk_detection": {"riskdetection", "pim"},
        }[name]
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "event",
    [
        {},
        {"properties": "a text"},
        {"properties": {"id": 5, "status": "none", "targetResources": 7, "riskState": ["atRisk"]}, "time": 1741079702},
        {"time": "3025-03-04T09:15:02Z", "category": "Unheard", "resultType": 0, "location": {"city": "Lyon"}},
        {"correlationId": None, "identity": ["x"], "properties": {"additionalDetails": [{"key": "k"}] * 20_000}},
    ],
    ids=["empty", "properties are a text", "wrong types", "from the future", "huge array"],
)
def test_odd_events_are_kept_whole(name: str, event: dict[str, Any]) -> None:
    log_type = read(FOLDER / f"{name}.yaml")
    good = log_type.examples[0].event
    rows = rows_of(log_type, [good, event, good])
    assert rows[0]["m_user"] is not None
    assert rows[0]["m_user"] == rows[2]["m_user"]
    assert rows[0]["m_flags"] is None
