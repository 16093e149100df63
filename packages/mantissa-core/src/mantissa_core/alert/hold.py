"""Messages that wait to be told together: why, and until when."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from mantissa_core.model.alert import Alert
from mantissa_core.model.signal import Severity

MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)

Kind = Literal["digest", "storm"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A message waits until ``due``; ``since`` is when the first of those that it is told with may have come."""

    kind: Kind
    since: datetime
    due: datetime


@dataclass(frozen=True, slots=True)
class Digest:
    """What a destination hears together, ``every`` so often, counted from midnight UTC: alerts of these severities."""

    every: timedelta
    severities: Collection[Severity] = frozenset(Severity)

    def hold(self, alert: Alert, now: datetime) -> Hold | None:
        """Until the next time, for the alerts that it is about."""
        if alert.severity not in self.severities:
            return None
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        since = midnight + (now - midnight) // self.every * self.every
        return Hold("digest", since, min(since + self.every, midnight + _DAY))


class Pace:
    """Lets so many alerts pass in each minute, and the first of each severity; the rest is held until the minute ends.

    Counted in this process: a restart within the minute counts anew.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._minute = datetime.min.replace(tzinfo=UTC)
        self._passed: OrderedDict[str, Severity] = OrderedDict()

    def hold(self, alert: Alert, now: datetime) -> Hold | None:
        """``None`` for an alert that passes, however often it is asked about."""
        minute = now.astimezone(UTC).replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute, self._passed = minute, OrderedDict()
        full = len(self._passed) >= self.per_minute and alert.severity in self._passed.values()
        if full and alert.id not in self._passed:
            return Hold("storm", minute, minute + MINUTE)
        self._passed[alert.id] = alert.severity
        return None
