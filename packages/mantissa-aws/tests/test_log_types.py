from __future__ import annotations

from importlib.resources import files

from mantissa_core.testing.log_type import LogTypeContract

LOG_TYPES = files("mantissa_aws.log_types")


class TestVpcFlow(LogTypeContract):
    file = LOG_TYPES / "aws_vpc_flow.yaml"


class TestS3Access(LogTypeContract):
    file = LOG_TYPES / "aws_s3_access.yaml"
