from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from mantissa_core.model import LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of


class TestAuditLogs(LogTypeContract):
    file = files("mantissa_slack.log_types") / "slack_audit.yaml"

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        assert [(source.product, source.service) for source in log_type.sigma.logsources] == [("slack", "audit")]

    def test_a_session_is_a_number_or_its_digits(self, log_type: LogType) -> None:
        events = [{"id": "1", "date_create": 1, "context": {"session_id": value}} for value in (9, "9")]
        rows = rows_of(log_type, events)
        assert [row["context_session_id"] for row in rows] == ["9", '"9"']
        assert "drift" not in str([row["m_flags"] for row in rows])

    def test_an_action_that_is_new_is_an_event_all_the_same(self, log_type: LogType) -> None:
        [row] = rows_of(log_type, [{"id": "1", "date_create": 1741079702, "action": "huddle_recorded"}])
        assert (row["m_action"], row["m_outcome"], row["m_flags"]) == ("api_call", "success", None)

    @pytest.mark.parametrize(
        ("members", "flags"),
        [
            ({"date_create": "2025-03-04 09:15:02"}, None),
            ({"date_create": "yesterday"}, ["time_missing"]),
            ({"date_create": {"seconds": 1741079702}}, ["time_missing"]),
            ({"date_create": 1741079702, "actor": "amara"}, ["drift"]),
            ({"date_create": 1741079702, "context": []}, ["drift"]),
            ({"date_create": 1741079702, "details": [1, 2]}, None),
            ({"date_create": 1741079702, "entity": {"app": {"scopes": "read"}}}, ["drift"]),
            ({"date_create": 95617584000}, ["time_out_of_range"]),
            ({}, ["time_missing"]),
        ],
        ids=str,
    )
    def test_an_unexpected_value_costs_no_event(
        self, log_type: LogType, members: dict[str, Any], flags: list[str] | None
    ) -> None:
        good = {"id": "1", "date_create": 1741079702, "action": "user_login"}
        row, neighbour = rows_of(log_type, [{"id": "2", "action": "user_login", **members}, good])
        assert (row["m_flags"] and sorted(row["m_flags"])) == (flags and sorted(flags))
        assert (row["m_action"], neighbour["m_flags"]) == ("login", None)
