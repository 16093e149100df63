from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from mantissa_core.model import LogType
from mantissa_core.parse.log_types import read
from mantissa_core.parse.rebuild import rebuild
from mantissa_core.testing.log_type import LogTypeContract, rows_of, without_nulls

LOG_TYPES = files("mantissa_crowdstrike.log_types")


class TestDetections(LogTypeContract):
    file = LOG_TYPES / "crowdstrike_detection.yaml"

    def test_a_change_of_a_detection_is_a_record_of_its_own(self, log_type: LogType) -> None:
        new = {"composite_id": "c:ind:1", "updated_timestamp": "2025-03-04T09:00:00.000000001Z", "status": "new"}
        closed = {**new, "updated_timestamp": "2025-03-04T10:00:00.000000002Z", "status": "closed"}
        one, other, again = rows_of(log_type, [new, closed, new])
        assert one["m_id"] == again["m_id"] != other["m_id"]

    def test_without_a_time_of_the_event_that_of_the_detection_counts(self, log_type: LogType) -> None:
        [row] = rows_of(log_type, [{"composite_id": "c", "created_timestamp": "2025-03-04T09:00:00.995794943Z"}])
        assert row["m_time"] == datetime(2025, 3, 4, 9, 0, 0, 995794, tzinfo=UTC)


class TestEventStreams(LogTypeContract):
    file = LOG_TYPES / "crowdstrike_event_stream.yaml"

    @pytest.mark.parametrize("at", [1741078800000, "1741078800000", "2025-03-04 09:00:00.000000000"], ids=str)
    def test_the_time_is_read_as_number_and_as_text(self, log_type: LogType, at: object) -> None:
        [row] = rows_of(log_type, [{"metadata": {"offset": 1, "eventCreationTime": at}, "event": {}}])
        assert (row["m_time"], row["m_flags"]) == (datetime(2025, 3, 4, 9, 0, tzinfo=UTC), None)


class TestFalconDataReplicator(LogTypeContract):
    file = LOG_TYPES / "crowdstrike_fdr.yaml"

    def test_a_record_about_a_device_has_a_time_of_another_name_and_no_id(self, log_type: LogType) -> None:
        record = {"Time": "1741078800.5", "aid": "a1", "ComputerName": "WS-0042", "AgentVersion": "7.22.19410.0"}
        one, other = rows_of(log_type, [record, record])
        assert one["m_time"] == datetime(2025, 3, 4, 9, 0, 0, 500000, tzinfo=UTC)
        assert (one["m_target"], one["m_id"] == other["m_id"]) == ("WS-0042", False)

    def test_an_event_that_another_product_has_wrapped_is_understood(self, log_type: LogType) -> None:
        inner = {"CommandLine": "security help", "ImageFileName": "/usr/bin/security", "UID": "501"}
        event = {"event_simplename": "ProcessRollup2", "timestamp": "2023-05-26 17:59:17.235", "event": inner}
        [row] = rows_of(log_type, [event])
        assert (row["CommandLine"], row["m_action"]) == ("security help", "command_run")
        assert row["m_time"] == datetime(2023, 5, 26, 17, 59, 17, 235000, tzinfo=UTC)
        assert rebuild(row, log_type) == event


@pytest.mark.parametrize("name", ["detection", "event_stream", "fdr"])
@pytest.mark.parametrize(
    "members",
    [
        {},
        {"timestamp": "soon", "metadata": {"eventCreationTime": "soon"}},
        {"timestamp": [], "metadata": [], "event": "none", "device": 5},
        {"timestamp": "4102444800000", "metadata": {"eventCreationTime": 4102444800000, "offset": "x"}},
        {"severity": "high", "event": {"Severity": "high", "Success": "yes"}, "aid": 5},
        {"tags": ["x"] * 10_000, "event": {"AuditKeyValues": [{}] * 10_000}, "new": [1] * 10_000},
    ],
    ids=["nothing", "no time", "no objects", "the future", "wrong types", "long lists"],
)
def test_bad_members_do_not_lose_the_event(name: str, members: dict[str, Any]) -> None:
    log_type = read(LOG_TYPES / f"crowdstrike_{name}.yaml")
    [good] = [dict(example.event) for example in log_type.examples[:1]]
    row, neighbour = rows_of(log_type, [members, good])
    assert without_nulls(rebuild(row, log_type)) == without_nulls(members)
    assert neighbour["m_flags"] is None
