from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from mantissa_core.model import LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of


class TestAuditLog(LogTypeContract):
    file = files("mantissa_m365.log_types") / "m365_audit.yaml"

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        services = [source.service for source in log_type.sigma.logsources if source.product == "m365"]
        assert services == ["audit", "exchange", "threat_detection", "threat_management"]

    @pytest.mark.parametrize(
        ("written", "address"),
        [("203.0.113.17:50123", "203.0.113.17"), ("[2001:db8::17]:443", "2001:db8::17"), ("<null>", None)],
    )
    def test_an_address_is_found_in_front_of_its_port(
        self, log_type: LogType, written: str, address: str | None
    ) -> None:
        [row] = rows_of(log_type, [{"Id": "1", "CreationTime": "2025-03-04T09:00:00", "ClientIP": written}])
        assert (row["ClientIP"], row["m_src_ip"]) == (written, address)

    @pytest.mark.parametrize(
        ("status", "outcome"), [("Succeeded", "success"), ("True", "success"), ("Failed", "failure"), ("Later", None)]
    )
    def test_each_services_word_for_success_is_known(self, log_type: LogType, status: str, outcome: str | None) -> None:
        event = {"Id": "1", "CreationTime": "2025-03-04T09:00:00", "Operation": "Set-Mailbox", "ResultStatus": status}
        [row] = rows_of(log_type, [event])
        assert (row["m_action"], row["m_outcome"]) == ("policy_change", outcome)

    @pytest.mark.parametrize(
        "odd",
        [
            {"RecordType": "fifteen"},
            {"UserType": 2**40},
            {"ExternalAccess": "False"},
            {"Recipients": [1, None, {}]},
            {"Actor": {"ID": "x"}, "Parameters": "-Name x -Export"},
            {"ClientIP": ["203.0.113.17"]},
            {"Members": [{"UPN": f"u{number}@example.com", "Role": 1} for number in range(5_000)]},
            {"Renamed": {"Field": [1, 2]}},
        ],
        ids=str,
    )
    def test_an_odd_record_is_kept_and_spoils_no_other(self, log_type: LogType, odd: dict[str, Any]) -> None:
        good = {"Id": "1", "CreationTime": "2025-03-04T09:00:00", "Operation": "FileAccessed", "UserId": "amara"}
        rows = rows_of(log_type, [good, {**good, "Id": "2", **odd}])
        assert [(row["Id"], row["m_action"], row["m_user"]) for row in rows] == [
            ("1", "data_read", "amara"),
            ("2", "data_read", "amara"),
        ]

    @pytest.mark.parametrize(
        ("time", "flags"),
        [
            ("2025-03-04T09:00:00", None),
            ("2025-03-04T09:00:00.123Z", None),
            ("2025-03-04 09:00:00", None),
            ("3025-03-04T09:00:00", ["time_out_of_range"]),
            ("4.3.2025", ["time_missing"]),
            (1741078800, ["time_missing", "drift"]),
        ],
    )
    def test_times_are_read_or_flagged(self, log_type: LogType, time: Any, flags: list[str] | None) -> None:
        [row] = rows_of(log_type, [{"Id": "1", "CreationTime": time}])
        assert row["m_flags"] == flags

    def test_a_record_without_an_id_is_kept(self, log_type: LogType) -> None:
        one, other = rows_of(log_type, [{"CreationTime": "2025-03-04T09:00:00", "Operation": "Send"}] * 2)
        assert one["m_id"] != other["m_id"]
