from __future__ import annotations

from importlib.resources import files

from mantissa_core.testing.log_type import LogTypeContract


class TestGadget(LogTypeContract):
    file = files("mantissa_acme.log_types") / "acme_gadget.yaml"
