from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from mantissa_core.model import LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of


class TestAuditLog(LogTypeContract):
    file = files("mantissa_kubernetes.log_types") / "kubernetes_audit.yaml"

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        assert [(source.product, source.service) for source in log_type.sigma.logsources] == [("kubernetes", "audit")]

    def test_each_stage_of_a_request_is_an_event(self, log_type: LogType) -> None:
        event = {"auditID": "1", "stage": "ResponseStarted", "requestReceivedTimestamp": "2025-03-04T09:00:00Z"}
        one, again, other = rows_of(log_type, [event, event, {**event, "stage": "ResponseComplete"}])
        assert one["m_id"] == again["m_id"] != other["m_id"]

    def test_a_time_with_a_space_and_few_decimals_is_understood(self, log_type: LogType) -> None:
        [row] = rows_of(log_type, [{"auditID": "1", "requestReceivedTimestamp": "2022-11-29 00:09:04.38"}])
        assert row["m_time"] == datetime(2022, 11, 29, 0, 9, 4, 380_000, UTC)

    def test_the_time_of_a_stage_counts_where_that_of_the_request_is_absent(self, log_type: LogType) -> None:
        [row] = rows_of(log_type, [{"auditID": "1", "stageTimestamp": "2025-03-04T09:00:00Z"}])
        assert row["m_time"] == datetime(2025, 3, 4, 9, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("event", "action"),
        [
            ({"verb": "list", "objectRef": {"resource": "pods"}}, "data_read"),
            ({"verb": "create", "objectRef": {"resource": "pods", "subresource": "exec"}}, "command_run"),
            ({"verb": "create", "objectRef": {"resource": "serviceaccounts", "subresource": "token"}}, "token_issue"),
            ({"verb": "delete", "objectRef": {"resource": "clusterrolebindings"}}, "role_revoke"),
            ({"verb": "propfind", "objectRef": {"resource": ""}}, "api_call"),
        ],
    )
    def test_actions_come_of_verb_and_resource(self, log_type: LogType, event: dict[str, Any], action: str) -> None:
        [row] = rows_of(log_type, [event])
        assert row["m_action"] == action
