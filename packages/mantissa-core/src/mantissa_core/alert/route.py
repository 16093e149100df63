"""Which destination hears of which alerts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from mantissa_core.model.alert import Alert
from mantissa_core.model.signal import Severity

from .redact.policy import Redaction
from .redact.redactor import Redactor


@dataclass(frozen=True, slots=True)
class Route:
    """A destination and the alerts it is told about.

    ``label`` names the configured sink, ``type`` its plugin (``core.webhook``); the type only appears in the
    delivery history. ``redactor`` takes out of a message what the destination may not see. Routes apply when an alert
    is created: a later change does not touch messages under way.
    """

    label: str
    enabled: bool = True
    severities: Collection[Severity] = frozenset(Severity)
    type: str = ""
    redactor: Redactor = field(default_factory=lambda: Redactor(Redaction()))

    def takes(self, alert: Alert) -> bool:
        """Whether this destination is told about the alert."""
        return self.enabled and alert.severity in self.severities

    def shown(self, alert: Alert) -> Alert:
        """The alert as the destination may see it."""
        return self.redactor.alert(alert)
