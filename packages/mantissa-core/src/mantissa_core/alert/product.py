"""Alerts of the product's own, and which destinations hear of them."""

from __future__ import annotations

from mantissa_core.model.alert import Alert

CANARY = "mantissa.canary"
"""Rule id of test alerts, which go to every destination that does not decline them."""
DELIVERY = "mantissa.delivery"
"""Rule id of alerts about destinations; ``entities["target"]`` names the destination."""

REPORT = "mantissa.report"
"""Rule id of the answers to scheduled questions, which go to the destinations that they name."""


def is_canary(alert: Alert) -> bool:
    """Whether it is a test, and nothing happened."""
    return alert.rule_id == CANARY


def concerns(alert: Alert, destination: str) -> bool:
    """Whether it says that this destination does not take alerts: then it is told to others."""
    return alert.rule_id == DELIVERY and destination in alert.entities.get("target", ())
