from __future__ import annotations

from importlib.resources import files

from mantissa_core.model import LogType
from mantissa_core.testing.log_type import LogTypeContract, rows_of

LOG_TYPES = files("mantissa_aws.log_types")


class TestVpcFlow(LogTypeContract):
    file = LOG_TYPES / "aws_vpc_flow.yaml"


class TestS3Access(LogTypeContract):
    file = LOG_TYPES / "aws_s3_access.yaml"


class TestGuardDuty(LogTypeContract):
    file = LOG_TYPES / "aws_guardduty.yaml"

    def test_versions_of_a_finding_are_events_of_their_own(self, log_type: LogType) -> None:
        finding = {"id": "a", "updatedAt": "2025-03-04T09:20:11.001Z", "service": {"count": 1, "archived": False}}
        later = {**finding, "updatedAt": "2025-03-04T10:20:11.001Z"}
        archived = {**finding, "service": {"count": 1, "archived": True}}
        assert len({row["m_id"] for row in rows_of(log_type, [finding, finding, later, archived])}) == 3


class TestConfig(LogTypeContract):
    file = LOG_TYPES / "aws_config.yaml"


class TestCloudWatchLogs(LogTypeContract):
    file = LOG_TYPES / "aws_cloudwatch_logs.yaml"
