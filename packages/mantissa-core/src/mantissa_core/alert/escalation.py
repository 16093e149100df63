"""What time makes happen to alerts: steps of escalation chains, and the end of maintenance windows.

Both wait as documents that name when they are due. One commit takes the document away, at the version that was read,
and holds all that follows: the messages, the entry in the alert's history, the next step. Several processes may run at
once, and be killed at any point: each step happens once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import takewhile

import structlog

from mantissa_core.errors import Conflict
from mantissa_core.model.alert import Alert
from mantissa_core.model.document import Document, Put
from mantissa_core.state import audit
from mantissa_core.state.documents import State

from . import keys
from .codec import alert_from_json, alert_to_json, time_from_json, time_to_json
from .route import Route
from .routing.routing import Routing
from .telling import PRODUCT, addressed, heard, mute, tell, timer

_log = structlog.get_logger(__name__)


class Escalation:
    """The timers in a state store. ``routes`` are asked at each step: the configuration of that moment counts."""

    def __init__(
        self,
        state: State,
        routes: Callable[[], Sequence[Route]],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._state, self._routes, self._clock = state, routes, clock

    def run(self) -> int:
        """Do everything that is due; return of how many alerts people are told now."""
        routing = cache(lambda: Routing.of(self._routes()))
        told = 0
        for prefix, act in (("muted/", self._unmute), ("escalation/", self._step)):
            for document in self._due(prefix):
                try:
                    told += act(document, routing())
                except Conflict:  # another process was faster, or the alert changed: the next look decides again
                    continue
        return told

    def _due(self, prefix: str) -> Iterator[Document]:
        """The keys begin with the time, so that the first that is not due ends the look."""
        now = self._clock()
        return takewhile(lambda each: keys.due(each.key) <= now, self._state.scan(keys.PARTITION, prefix))

    def _step(self, document: Document, routing: Routing) -> bool:
        value = document.value
        alert, version = self._alert(str(value["alert"]))
        chain, number = str(value["chain"]), int(value["step"])
        steps = routing.rules.chains.get(chain, ())
        if alert is None or not _waits(alert, value["changed"]) or number >= len(steps):
            self._commit(document, [])
            return False
        now, since = self._clock(), time_from_json(value["since"])
        to = [each for each in routing if each.enabled and each.label in steps[number].to]
        missing = [label for label in steps[number].to if label not in routing.by_label]
        alert = replace(alert, revision=alert.revision + 1)
        alert, rows = addressed(alert, to, "updated", now, heard(self._state, alert, routing))
        note = f"step {number + 1} of {chain}: {_named(to, missing)}"
        puts = [*rows, Put(keys.alert(alert.id), alert_to_json(alert)), self._entry(alert, "escalate", note, now)]
        if number + 1 < len(steps):
            puts.append(timer(alert, chain, number + 1, since, routing))
        self._commit(document, puts, {keys.alert(alert.id): version})
        _log.warning("nobody acknowledged", alert=alert.id, done=note)
        return bool(to)

    def _unmute(self, document: Document, routing: Routing) -> bool:
        alert, version = self._alert(str(document.value["alert"]))
        if alert is None or alert.status != "open" or not alert.muted_by:
            self._commit(document, [])
            return False
        now = self._clock()
        if still := routing.decide(alert, now).muted:
            alert, puts = mute(alert, still, now)
            told = False
        else:
            alert = replace(alert, revision=alert.revision + 1)
            alert, puts = tell(alert, routing, "updated", now, heard(self._state, alert, routing))
            told = any(each.key.startswith("outbox/") for each in puts)
            puts.append(self._entry(alert, "unmute", "the maintenance window is over", now))
        puts.append(Put(keys.alert(alert.id), alert_to_json(alert)))
        self._commit(document, puts, {keys.alert(alert.id): version})
        return told

    def _alert(self, alert_id: str) -> tuple[Alert | None, int]:
        stored = self._state.get(keys.PARTITION, keys.alert(alert_id))
        return (alert_from_json(stored.value), stored.version) if stored else (None, 0)

    def _commit(self, done: Document, puts: list[Put], expects: dict[str, int] | None = None) -> None:
        self._state.commit(keys.PARTITION, [Put(done.key, None), *puts], {done.key: done.version, **(expects or {})})

    def _entry(self, alert: Alert, action: str, note: str, now: datetime) -> Put:
        return audit.entry(f"alert/{alert.id}", action, PRODUCT, now, note=note)


def _waits(alert: Alert, changed: str | None) -> bool:
    """Whether the alert is open, and has been since the chain began: another opening begins another chain."""
    return alert.status == "open" and (time_to_json(alert.changed) if alert.changed else None) == changed


def _named(to: Sequence[Route], missing: Sequence[str]) -> str:
    told = f"told {', '.join(each.label for each in to)}" if to else "nobody could be told"
    return f"{told}; not running: {', '.join(missing)}" if missing else told
