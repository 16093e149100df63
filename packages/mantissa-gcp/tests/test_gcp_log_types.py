from __future__ import annotations

from importlib.resources import files

from mantissa_core.testing.log_type import LogTypeContract

LOG_TYPES = files("mantissa_gcp.log_types")


class TestAudit(LogTypeContract):
    file = LOG_TYPES / "gcp_audit.yaml"


class TestVpcFlow(LogTypeContract):
    file = LOG_TYPES / "gcp_vpc_flow.yaml"
