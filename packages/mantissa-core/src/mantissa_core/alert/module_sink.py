"""A module that wants to hear of new alerts, as a destination: what it is told survives a crash."""

from __future__ import annotations

from mantissa_core.hookspecs import Module
from mantissa_core.model.alert import Delivery, Receipt

from .product import is_canary

HOOK = "alert_created"
"""The hook that such a module implements."""


def destination(label: str) -> str:
    """The destination that a module is."""
    return f"modules/{label}"


class ModuleSink:
    """Calls a module's hook for each new alert; tests of the product's own are none."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def deliver(self, delivery: Delivery) -> Receipt:
        """Tell the module, and wait until it has taken note."""
        if delivery.event == "opened" and not is_canary(delivery.alert):
            self._module.alert_created(delivery.alert)
        return Receipt(delivery.key)
