"""What became of an alert since it was opened, in a few words."""

from __future__ import annotations

from mantissa_core.model.alert import Alert, Delivery


def status_of(delivery: Delivery) -> str:
    """One word: *New*, *Updated*, *Acknowledged*, *Resolved*, *Suppressed*, *Reopened*."""
    alert = delivery.alert
    if delivery.event == "opened":
        return "New"
    if alert.status == "open":
        return "Reopened" if alert.changed else "Updated"
    return alert.status.capitalize()


def progress(delivery: Delivery) -> str:
    """The word, and by whom and when: *Resolved by amara, 2026-03-02 12:40:00 UTC*. Empty for a new alert."""
    return "" if delivery.event == "opened" else f"{status_of(delivery)}{_changed(delivery.alert)}"


def _changed(alert: Alert) -> str:
    by = f" by {alert.changed_by}" if alert.changed_by else ""
    return f"{by}, {alert.changed:%Y-%m-%d %H:%M:%S} UTC" if alert.changed else by
