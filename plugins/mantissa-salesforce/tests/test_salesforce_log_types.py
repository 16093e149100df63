from __future__ import annotations

import io
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from mantissa_core.model import Blob, LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of
from mantissa_salesforce.parser import NUMBERS, EventLogCSV


class TestEventLog(LogTypeContract):
    file = files("mantissa_salesforce.log_types") / "salesforce_event_log.yaml"

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        found = [(source.product, source.service) for source in log_type.sigma.logsources]
        assert found == [("salesforce", "eventlog")]

    def test_columns_are_numbers_where_the_decoder_makes_numbers(self, log_type: LogType) -> None:
        assert {column.column for column in log_type.columns if column.type == "int64"} <= NUMBERS
        assert {column.column for column in log_type.columns if column.type == "string"} & NUMBERS == set()

    def test_a_row_of_a_file_becomes_a_row_without_drift(self, log_type: LogType) -> None:
        content = b'"EVENT_TYPE","CPU_TIME","ROWS_PROCESSED","NEW_FIELD","TIMESTAMP_DERIVED"\n'
        content += b'"API","12","","x","2025-03-04T09:15:02.429Z"\n'
        [step] = EventLogCSV(EventLogCSV.Config()).decode(Blob("origin", "file", lambda: io.BytesIO(content)))
        [row] = rows_of(log_type, step.records)
        assert (row["CPU_TIME"], row["ROWS_PROCESSED"], row["m_extra"]) == (12, None, '{"NEW_FIELD":"x"}')
        assert (row["m_flags"], row["m_action"]) == (None, "api_call")

    def test_the_time_is_taken_from_where_it_can_be_read(self, log_type: LogType) -> None:
        digits = {"EVENT_TYPE": "API", "TIMESTAMP": "20250304091502.429", "EVENT_DATE": "2025-03-04"}
        spaced = {"EVENT_TYPE": "API", "TIMESTAMP": "2025-03-04 09:15:02.429"}
        assert [row["m_time"] for row in rows_of(log_type, [digits, spaced])] == [
            datetime(2025, 3, 4, tzinfo=UTC),
            datetime(2025, 3, 4, 9, 15, 2, 429_000, UTC),
        ]

    @pytest.mark.parametrize(
        ("members", "flags"),
        [
            ({"ROWS_PROCESSED": "many"}, ["drift"]),
            ({"USER_NAME": {"name": "amara"}}, ["drift"]),
            ({"TIMESTAMP_DERIVED": 1741079702}, ["drift", "time_missing"]),
            ({"TIMESTAMP_DERIVED": "9025-03-04T09:15:02Z"}, ["time_out_of_range"]),
            ({"EVENT_TYPE": "ANewOne", "NEW": list(range(10_000))}, []),
        ],
        ids=["text", "object", "number", "future", "array"],
    )
    def test_an_unexpected_value_costs_no_event(
        self, log_type: LogType, members: dict[str, Any], flags: list[str]
    ) -> None:
        good = {"EVENT_TYPE": "API", "TIMESTAMP_DERIVED": "2025-03-04T09:15:02Z"}
        row, neighbour = rows_of(log_type, [{**good, **members}, good])
        assert sorted(row["m_flags"] or []) == flags
        assert neighbour["m_flags"] is None


class TestLoginHistory(LogTypeContract):
    file = files("mantissa_salesforce.log_types") / "salesforce_login.yaml"

    def test_rules_of_sigma_find_the_log_type(self, log_type: LogType) -> None:
        found = [(source.product, source.service) for source in log_type.sigma.logsources]
        assert found == [("salesforce", "login")]

    @pytest.mark.parametrize("status", ["Password Lockout", "Failed: Computer activation required", "A new one"])
    def test_whatever_is_no_success_is_a_failure(self, log_type: LogType, status: str) -> None:
        [row] = rows_of(log_type, [{"Id": "1", "LoginTime": "2025-03-04T09:15:02.000+0000", "Status": status}])
        assert (row["m_outcome"], row["m_flags"]) == ("failure", None)

    def test_a_field_of_a_later_version_is_kept(self, log_type: LogType) -> None:
        [row] = rows_of(
            log_type, [{"Id": "1", "LoginTime": "2025-03-04T09:15:02.000+0000", "AuthContextClassRef": "x"}]
        )
        assert row["m_extra"] == '{"AuthContextClassRef":"x"}'
