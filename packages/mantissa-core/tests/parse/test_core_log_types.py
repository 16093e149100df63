"""The log types that the core brings."""

from importlib.resources import files

from mantissa_core.testing.log_type import LogTypeContract

FOLDER = files("mantissa_core.log_types")


class TestSyslog(LogTypeContract):
    file = FOLDER / "core_syslog.yaml"


class TestCEF(LogTypeContract):
    file = FOLDER / "core_cef.yaml"
