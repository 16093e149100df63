from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from mantissa_core.model import LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of
from mantissa_google_workspace.activity import events_of

IDENTITY = {"time": "2025-03-04T09:00:00.000Z", "uniqueQualifier": "1", "applicationName": "drive", "customerId": "C"}


class TestActivity(LogTypeContract):
    file = files("mantissa_google_workspace.log_types") / "gworkspace_activity.yaml"

    def test_rules_of_sigma_find_the_log_type_by_either_product(self, log_type: LogType) -> None:
        found = {(source.product, source.service) for source in log_type.sigma.logsources}
        services = {f"google_workspace.{name}" for name in ("admin", "login", "drive", "token")}
        assert found == {(product, service) for product in ("gcp", "google_workspace") for service in services}

    def test_the_events_of_an_activity_are_rows_with_ids_of_their_own(self, log_type: LogType) -> None:
        activity = {"id": IDENTITY, "events": [{"name": "edit"}, {"name": "edit"}, {"name": "change_user_access"}]}
        rows = rows_of(log_type, [*events_of(activity), *events_of(activity)])
        assert [row["m_action"] for row in rows[:3]] == ["data_write", "data_write", "resource_share"]
        ids = [row["m_id"] for row in rows]
        assert ids[:3] == ids[3:]
        assert len(set(ids)) == 3

    def test_parameters_have_columns_of_their_own_whatever_their_kind(self, log_type: LogType) -> None:
        given = {
            "NEW_VALUE": "false",
            "new_value": ["people_with_link"],
            "is_suspicious": True,
            "num_response_bytes": 2**60,
        }
        [row] = rows_of(log_type, [{"id": IDENTITY, "name": "x", "parameters": given}])
        assert (row["parameters_NEW_VALUE"], row["drive_new_value"]) == ("false", None)
        assert (row["parameters_is_suspicious"], row["parameters_num_response_bytes"]) == ("true", str(2**60))

    @pytest.mark.parametrize(
        "odd",
        [
            {"parameters": [{"name": "a"}]},
            {"parameters": "text"},
            {"actor": "amara@example.com"},
            {"event_index": "first"},
            {"networkInfo": {"ipAsn": "64500"}},
            {"parameters": {"list": list(range(5_000))}},
            {"events": "none"},
            {"name": ["login_success"]},
        ],
        ids=lambda odd: next(iter(odd)),
    )
    def test_an_odd_record_is_kept_and_spoils_no_other(self, log_type: LogType, odd: dict[str, Any]) -> None:
        good = {"id": IDENTITY, "name": "view", "actor": {"email": "amara@example.com"}}
        one, other = rows_of(log_type, [good, {**good, **odd}])
        assert (one["m_action"], one["m_user"]) == ("data_read", "amara@example.com")
        assert other["m_time"] == one["m_time"]

    @pytest.mark.parametrize(
        ("time", "flags"),
        [
            ("2025-03-04T09:00:00.000Z", None),
            ("2025-03-04 09:00:00.000000000", None),
            ("3025-03-04T09:00:00.000Z", ["time_out_of_range"]),
            ("yesterday", ["time_missing"]),
            (1741078800, ["time_missing", "drift"]),
        ],
    )
    def test_times_are_read_or_flagged(self, log_type: LogType, time: Any, flags: list[str] | None) -> None:
        [row] = rows_of(log_type, [{"id": {**IDENTITY, "time": time}, "name": "view"}])
        assert row["m_flags"] == flags
        if flags is None:
            assert row["m_time"] == datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
