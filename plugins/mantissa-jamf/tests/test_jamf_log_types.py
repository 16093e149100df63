from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from mantissa_core.model import LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of


class TestJamfPro(LogTypeContract):
    file = files("mantissa_jamf.log_types") / "jamf_pro.yaml"

    def test_copies_of_an_event_are_one_where_the_vendor_gives_it_an_id(self, log_type: LogType) -> None:
        """Entries of the API have one; lines and webhooks are told apart by where they stood."""
        events = [dict(example.event) for example in log_type.examples]
        first = [row["m_id"] for row in rows_of(log_type, events)]
        again = [row["m_id"] for row in rows_of(log_type, [*events, *events])][len(events) :]
        same = [one == other for one, other in zip(first, again, strict=True)]
        assert len(set(first)) == len(first)
        assert same == ["id" in event for event in events]

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        assert [(source.product, source.service) for source in log_type.sigma.logsources] == [("jamf", "pro")]

    def test_entries_of_two_logs_with_one_number_are_two(self, log_type: LogType) -> None:
        common = {"id": 17, "date": "2025-03-04T09:20:00Z", "username": "amara"}
        one, other = rows_of(log_type, [{**common, "log": name} for name in ("sso", "check-in")])
        assert one["m_id"] != other["m_id"]

    def test_the_time_of_the_log_stream_counts_before_that_of_the_line(self, log_type: LogType) -> None:
        lines = {"log": "access", "time": "2025-03-04T09:15:02.6801Z", "loggedTime": "2025-03-04T10:15:02,679"}
        plain = {"log": "access", "time": "2025-03-04T09:15:02,679"}
        rows = rows_of(log_type, [lines, plain])
        assert [row["m_time"] for row in rows] == [
            datetime(2025, 3, 4, 9, 15, 2, 680_100, UTC),
            datetime(2025, 3, 4, 9, 15, 2, 679_000, UTC),
        ]

    @pytest.mark.parametrize("computer", [True, {"deviceName": "MAC-0088"}], ids=["group", "computer"])
    def test_a_computer_is_an_object_or_a_truth_value(self, log_type: LogType, computer: Any) -> None:
        [row] = rows_of(log_type, [{"event": {"computer": computer}, "webhook": {"eventTimestamp": 1741080300123}}])
        assert row["m_flags"] is None
        assert row["event_computer_deviceName"] == (computer["deviceName"] if isinstance(computer, dict) else None)

    @pytest.mark.parametrize(
        ("members", "flags"),
        [
            ({"date": 1741080300}, ["drift", "time_missing"]),
            ({"date": "yesterday"}, ["time_missing"]),
            ({"date": "2025-03-04T09:20:00Z", "details": {"enabled": False}}, ["drift"]),
            ({"date": "2025-03-04T09:20:00Z", "requestor": "amara"}, ["drift"]),
            ({"date": "5025-03-04T09:20:00Z"}, ["time_out_of_range"]),
            ({"date": "2025-03-04T09:20:00Z", "log": "a-new-one", "target": {"deviceCount": "19"}}, ["drift"]),
        ],
        ids=json.dumps,
    )
    def test_an_unexpected_value_costs_no_event(
        self, log_type: LogType, members: dict[str, Any], flags: list[str]
    ) -> None:
        good = {"id": 1, "log": "sso", "date": "2025-03-04T09:20:00Z"}
        row, neighbour = rows_of(log_type, [{"id": 2, "log": "sso", **members}, good])
        assert sorted(row["m_flags"]) == flags
        assert neighbour["m_flags"] is None
