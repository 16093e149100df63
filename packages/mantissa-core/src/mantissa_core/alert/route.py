"""A destination, and what it may hear of at most. Which of it it does hear: :mod:`.routing`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from mantissa_core.model.alert import Alert, Event
from mantissa_core.model.signal import Severity

from .hold import Digest, Hold, Pace
from .product import concerns, is_canary
from .redact.policy import Redaction
from .redact.redactor import Redactor


@dataclass(frozen=True, slots=True)
class Route:
    """A destination and the alerts it is told about.

    ``label`` names the configured sink, ``type`` its plugin (``core.webhook``); the type only appears in the
    delivery history. ``redactor`` takes out of a message what the destination may not see. Routes apply when something
    is told: a later change does not touch messages under way. ``digest`` and ``pace`` say what it is told together.
    """

    label: str
    enabled: bool = True
    severities: Collection[Severity] = frozenset(Severity)
    type: str = ""
    redactor: Redactor = field(default_factory=lambda: Redactor(Redaction()))
    digest: Digest | None = None
    pace: Pace | None = None
    canary: bool = True
    """Whether it takes test alerts, which have no regard for the severities."""

    def takes(self, alert: Alert) -> bool:
        """Whether the destination is enabled, and its severities let the alert through."""
        if not self.enabled or concerns(alert, self.label):
            return False
        return self.canary if is_canary(alert) else alert.severity in self.severities

    def hold(self, alert: Alert, event: Event, now: datetime) -> Hold | None:
        """Until when a message about the alert waits, to be told together with others; ``None``: it goes out at once.

        What becomes of an alert that was told by itself is told by itself, storm or not: a ticket must be closed.
        """
        if is_canary(alert):
            return None
        if self.digest and (held := self.digest.hold(alert, now)):
            return held
        return self.pace.hold(alert, now) if self.pace and event == "opened" else None

    def shown(self, alert: Alert) -> Alert:
        """The alert as the destination may see it."""
        return self.redactor.alert(alert)
