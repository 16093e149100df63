"""What people do with an alert: acknowledge, resolve, suppress, reopen. Who, when and why is kept.

One commit holds the alert (at the version that was read), the audit entry and the messages to the destinations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from mantissa_core.errors import Conflict, MantissaError
from mantissa_core.model.alert import Alert, Event, Status
from mantissa_core.model.document import Put
from mantissa_core.state import audit
from mantissa_core.state.documents import State

from . import keys
from .codec import alert_from_json, alert_to_json, time_from_json
from .route import Route
from .routing.routing import Routing
from .telling import heard, inform, tell

LONGEST_NOTE = 4000
"""Characters."""
_ATTEMPTS = 20


class Step(StrEnum):
    """A change of an alert's status."""

    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    SUPPRESS = "suppress"
    REOPEN = "reopen"


AFTER: Mapping[Step, Status] = {
    Step.ACKNOWLEDGE: "acknowledged",
    Step.RESOLVE: "resolved",
    Step.SUPPRESS: "suppressed",
    Step.REOPEN: "open",
}
"""The status that each step leads to."""
_FROM: Mapping[Step, frozenset[Status]] = {
    Step.ACKNOWLEDGE: frozenset({"open"}),
    Step.RESOLVE: frozenset({"open", "acknowledged", "suppressed"}),
    Step.SUPPRESS: frozenset({"open", "acknowledged"}),
    Step.REOPEN: frozenset({"acknowledged", "resolved", "suppressed"}),
}
EVENTS: Mapping[Step, Event] = {
    Step.ACKNOWLEDGE: "updated",
    Step.RESOLVE: "resolved",
    Step.SUPPRESS: "resolved",
    Step.REOPEN: "updated",
}
"""What the destinations are told of each step."""


class StatusError(MantissaError):
    """The alert's status does not allow the step."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an alert's history."""

    at: datetime
    by: str
    action: str
    note: str = ""


class Lifecycle:
    """Changes the alerts in a state store. ``routes`` are asked at each change.

    The destinations that heard of the alert hear of it, and those that would hear of it now.
    """

    def __init__(
        self,
        state: State,
        routes: Callable[[], Sequence[Route]] = tuple,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._state, self._routes, self._clock = state, routes, clock

    def change(self, alert_id: str, step: Step, *, by: str, note: str = "") -> Alert:
        """Take the step and return the alert; one that was taken already changes nothing.

        Raises:
            StatusError: the alert's status does not allow it. MantissaError: there is no such alert, or the note is
            too long. Conflict: others kept changing the alert.
        """
        if len(note) > LONGEST_NOTE:
            raise MantissaError(f"note: {len(note)} characters, expected at most {LONGEST_NOTE}")
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._change(alert_id, step, by, note)
            except Conflict:  # a signal was folded in, or somebody else took a step: look again
                continue
        return self._change(alert_id, step, by, note)

    def history(self, alert_id: str) -> list[Entry]:
        """What was done to an alert, oldest first: steps and verdicts."""
        found = audit.entries(self._state, keys.PARTITION, f"alert/{alert_id}")
        return [_entry(each) for each in found]

    def _change(self, alert_id: str, step: Step, by: str, note: str) -> Alert:
        stored = self._state.get(keys.PARTITION, keys.alert(alert_id))
        if stored is None:
            raise MantissaError(f"there is no alert {alert_id}")
        alert = alert_from_json(stored.value)
        if alert.status == AFTER[step]:
            return alert
        if alert.status not in _FROM[step]:
            raise StatusError(f"the alert is {alert.status}: {step} it after it was reopened")
        now, routing = self._clock(), Routing.of(self._routes())
        told = tell if step is Step.REOPEN else inform
        changed, rows = told(
            stepped(alert, step, by, now), routing, EVENTS[step], now, heard(self._state, alert, routing)
        )
        entry = audit.entry(f"alert/{alert.id}", step.value, by, now, note=note)
        puts = [Put(keys.alert(alert.id), alert_to_json(changed)), entry, *rows]
        self._state.commit(keys.PARTITION, puts, {keys.alert(alert.id): stored.version})
        return changed


def stepped(alert: Alert, step: Step, by: str, at: datetime) -> Alert:
    """The alert's next revision, with the status that the step leads to."""
    return replace(alert, status=AFTER[step], changed=at, changed_by=by, revision=alert.revision + 1)


def _entry(value: Mapping[str, Any]) -> Entry:
    action = f"verdict: {value['verdict'].replace('_', ' ')}" if value["action"] == "verdict" else value["action"]
    return Entry(time_from_json(value["at"]), value["by"], action, value.get("note", ""))
