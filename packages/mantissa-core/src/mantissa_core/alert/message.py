"""A message to one destination while it waits: the row in the outbox, and among the dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from mantissa_core.model.alert import Alert, Delivery, Event
from mantissa_core.model.document import Document, Put

from . import keys
from .codec import alert_from_json, alert_to_json, time_from_json, time_to_json
from .hold import Hold
from .route import Route

LEASE = timedelta(seconds=60)
"""For how long a message belongs to whoever claimed it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A row. ``value`` is its JSON, ``version`` the one that was read."""

    key: str
    version: int
    value: Mapping[str, Any]

    @classmethod
    def of(cls, document: Document) -> Message:
        """The message in a document."""
        return cls(document.key, document.version, document.value)

    @property
    def destination(self) -> str:
        """Label of the sink."""
        return str(self.value["destination"])

    @property
    def alert_id(self) -> str:
        """Id of the alert that it tells of."""
        return str(self.value["alert"]["id"])

    @property
    def line(self) -> tuple[str, str]:
        """Messages with the same line go out in order: an alert that is over was opened before."""
        return self.destination, self.alert_id

    @property
    def attempt(self) -> int:
        """How often it was tried, the try under way included."""
        return int(self.value["attempt"])

    @property
    def error(self) -> str:
        """Why the last attempt failed; empty before the first."""
        return str(self.value["error"])

    @property
    def spent(self) -> int:
        """How many of its tries are used up; one that only probes whether the destination is back is none."""
        return int(self.value.get("spent", self.attempt))

    @property
    def refused(self) -> bool:
        """Whether the destination refused it for good; else it failed too often."""
        return bool(self.value.get("refused", False))

    @property
    def redriven(self) -> int:
        """How often it came back from the dead by itself."""
        return int(self.value.get("redriven", 0))

    def due(self, now: datetime) -> bool:
        """Whether it is time to try, and nobody else holds the lease.

        A lease or a pause that ends later than it can is left from before the clock was set back, and over.
        """
        leased, next_at = (time_from_json(self.value[name]) for name in ("leased_until", "next_at"))
        pause = timedelta(seconds=float(self.value.get("pause", 0.0)))
        return not (now < leased <= now + LEASE or now < next_at <= now + pause)

    def with_(self, **changes: Any) -> Message:
        """The same message with some fields of its row changed."""
        return replace(self, value={**self.value, **changes})

    def at_version(self, version: int) -> Message:
        """The same message as the store holds it now."""
        return replace(self, version=version)

    def key_in(self, box: str) -> str:
        """Its key in the ``outbox`` or among the ``dead``."""
        alert = self.value["alert"]
        created = time_from_json(alert["created"])
        return keys.message(box, self.destination, created, self.alert_id, int(alert["revision"]))

    def delivery(self, previous: str | None) -> Delivery:
        """What the sink gets."""
        alert = alert_from_json(self.value["alert"])
        key = f"{alert.id}-{alert.revision}-{self.destination}"
        return Delivery(key, self.value["event"], alert, self.attempt, previous, self.destination)


def messages(alert: Alert, routes: Iterable[Route], event: Event, now: datetime) -> tuple[Alert, list[Put]]:
    """The outbox rows for these routes, and the alert with what was redacted in them: of each kind the most in any."""
    shown = [(route, route.shown(alert)) for route in routes]
    counts = [alert.redacted, *(each.redacted for _, each in shown)]
    most = {kind: max(each.get(kind, 0) for each in counts) for kind in sorted(set().union(*counts))}
    rows = [row(each, route.label, route.type, event, now, route.hold(alert, event, now)) for route, each in shown]
    return replace(alert, redacted=most), rows


def row(alert: Alert, destination: str, type_: str, event: Event, now: datetime, hold: Hold | None = None) -> Put:
    """The document of a message: in the outbox, or held."""
    value: dict[str, Any] = {
        "destination": destination,
        "type": type_,
        "event": event,
        "alert": alert_to_json(alert),
        "attempt": 0,
        "spent": 0,
        "next_at": time_to_json(now),
        "pause": 0.0,
        "leased_until": time_to_json(now),
        "error": "",
    }
    if hold is None:
        return Put(keys.message("outbox", destination, alert.created, alert.id, alert.revision), value)
    due = time_to_json(hold.due)
    value["hold"] = {"kind": hold.kind, "since": time_to_json(hold.since), "due": due}
    return Put(keys.held(due, destination, hold.kind, alert.id, alert.revision), value)
