"""Which destination hears of which alerts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mantissa_core.model.alert import Alert
from mantissa_core.model.signal import Severity


@dataclass(frozen=True, slots=True)
class Route:
    """A destination and the alerts it is told about.

    ``label`` names the configured sink, ``type`` its plugin (``core.webhook``); the type only appears in the
    delivery history. Routes apply when an alert is created: a later change does not touch messages under way.
    """

    label: str
    enabled: bool = True
    severities: Collection[Severity] = frozenset(Severity)
    type: str = ""

    def takes(self, alert: Alert) -> bool:
        """Whether this destination is told about the alert."""
        return self.enabled and alert.severity in self.severities
