"""Delivering what the outbox holds: claim, attempt, and then the history, another try or the dead letters.

Every message is delivered at least once. A crash between the destination's answer and our commit repeats the
attempt under the same key; whether people see it twice is up to the destination, and each sink documents that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import structlog

from mantissa_core.errors import Conflict, MantissaError, NeedsOperator, Retry
from mantissa_core.hookspecs import AlertSink
from mantissa_core.model.document import Document, Put
from mantissa_core.state.documents import State

from . import keys
from .codec import time_to_json
from .fold import cut
from .health import Health, counted, hour_key, total
from .message import Message

LEASE = timedelta(seconds=60)
RETRIES = 3
DEAD_FOR = timedelta(days=14)
_HISTORY = 100

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What came of one try: the destination's receipt, or the error and when to try again."""

    status: Literal["delivered", "retry", "failed"]
    at: datetime
    latency_ms: float
    receipt: str = ""
    error: str = ""
    after: timedelta = timedelta(0)

    @property
    def delivered(self) -> bool:
        return self.status == "delivered"


class Outbox:
    """The messages under way, and the sinks (by label) that take them.

    Several processes may dispatch at once: a message belongs to whoever claimed it, for :data:`LEASE`.
    """

    def __init__(
        self,
        state: State,
        sinks: Mapping[str, AlertSink],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._state, self._sinks, self._clock = state, sinks, clock

    def dispatch(self) -> int:
        """Attempt every message that is due, and return how many were delivered.

        Of the messages about one alert to one destination a later one waits for the earlier; others do not.
        """
        return sum(self._handle(message) for message in self._claims())

    def _claims(self) -> Iterator[Message]:
        held: set[tuple[str, str]] = set()
        for message in self.waiting():  # an alert's revisions come in order
            claimed = self._claim(message) if message.line not in held and message.due(self._clock()) else None
            held.add(message.line)
            if claimed:
                yield claimed

    def redrive(self, destination: str | None = None) -> int:
        """Put dead letters (of one destination, or all) back into the outbox; return how many."""
        letters = [each for each in self.dead() if destination in (None, each.destination)]
        return sum(self._revive(letter) for letter in letters)

    def waiting(self) -> Iterator[Message]:
        """The messages that are still to be delivered."""
        return map(Message.of, self._state.scan(keys.PARTITION, "outbox/"))

    def dead(self) -> Iterator[Message]:
        """The messages that were given up within the last 14 days, each with its last ``error``."""
        return map(Message.of, self._state.scan(keys.PARTITION, "dead/"))

    def attempts(self, alert_id: str) -> list[Mapping[str, Any]]:
        """The last 100 attempts for an alert, oldest first.

        Each holds ``integration_id`` (the label), ``integration_type``, ``timestamp``, ``latency_ms`` and ``status``:
        delivered, retry, failed, or summarised where it was told together with others.
        """
        document = self._state.get(keys.PARTITION, keys.deliveries(alert_id))
        return list(document.value["attempts"]) if document else []

    def health(self, destination: str) -> Health:
        """The destination's attempts over the last 24 hours."""
        return total(self._state.scan(keys.PARTITION, keys.health(destination)), destination, self._clock())

    def _claim(self, message: Message) -> Message | None:
        claimed = message.with_(attempt=message.attempt + 1, leased_until=time_to_json(self._clock() + LEASE))
        try:
            self._state.commit(keys.PARTITION, [Put(message.key, claimed.value)], {message.key: message.version})
        except Conflict:  # another dispatcher was faster
            return None
        return claimed.at_version(message.version + 1)

    def _handle(self, message: Message) -> bool:
        attempt = self._attempt(message)
        if not self._settle(message, attempt):
            _log.warning("lease lost during a delivery", destination=message.destination, alert=message.alert_id)
        elif attempt.error:
            details = {"destination": message.destination, "alert": message.alert_id, "attempt": message.attempt}
            _log.warning("delivery failed", status=attempt.status, error=attempt.error, **details)
        return attempt.delivered

    def _attempt(self, message: Message) -> _Attempt:
        now, started = self._clock(), time.perf_counter()

        def done(status: Literal["delivered", "retry", "failed"], **details: Any) -> _Attempt:
            return _Attempt(status, now, round((time.perf_counter() - started) * 1000, 3), **details)

        try:
            receipt = self._deliver(message)
        except NeedsOperator as error:
            return done("failed", error=cut(str(error)))
        except MantissaError as error:  # Retry, or the host's word that the plugin hung or broke
            if message.attempt > RETRIES:
                return done("failed", error=f"given up after {message.attempt} attempts: {cut(str(error))}")
            return done("retry", error=cut(str(error)), after=_back_off(message.attempt, error))
        return done("delivered", receipt=cut(receipt))

    def _deliver(self, message: Message) -> str:
        sink = self._sinks.get(message.destination)
        if sink is None:
            raise NeedsOperator(
                f"no destination {message.destination!r} is running: configure it, then run 'mantissa alerts redeliver'"
            )
        if message.attempt > RETRIES + 1:
            raise NeedsOperator(f"{message.attempt - 1} attempts ended without an outcome: the process died in each")
        history = self._state.get(keys.PARTITION, keys.deliveries(message.alert_id))
        previous = history.value["receipts"].get(message.destination) if history else None
        return sink.deliver(message.delivery(previous)).reference

    def _settle(self, message: Message, attempt: _Attempt) -> bool:
        """Record the outcome and move the message on, in one commit. False where the lease was lost meanwhile."""
        history_key = keys.deliveries(message.alert_id)
        hour = hour_key(message.destination, attempt.at)
        while True:
            stored = self._state.get_many(keys.PARTITION, [message.key, history_key, hour])
            if message.key not in stored or stored[message.key].version != message.version:
                return False
            puts = [
                *self._moved(message, attempt),
                Put(history_key, _history(stored.get(history_key), message, attempt)),
                counted(stored.get(hour), hour, attempt.delivered, attempt.at),
            ]
            expects = {key: _version(stored.get(key)) for key in (message.key, history_key, hour)}
            try:
                self._state.commit(keys.PARTITION, puts, expects)
            except Conflict:  # the history or the counts moved: read them again
                continue
            return True

    def _moved(self, message: Message, attempt: _Attempt) -> list[Put]:
        now = self._clock()
        if attempt.delivered:
            return [Put(message.key, None)]
        after = message.with_(
            error=attempt.error, leased_until=time_to_json(now), next_at=time_to_json(now + attempt.after)
        )
        if attempt.status == "retry":
            return [Put(message.key, after.value)]
        return [Put(message.key, None), Put(message.key_in("dead"), after.value, now + DEAD_FOR)]

    def _revive(self, letter: Message) -> bool:
        now = time_to_json(self._clock())
        again, key = letter.with_(attempt=0, next_at=now, leased_until=now), letter.key_in("outbox")
        try:
            puts = [Put(key, again.value), Put(letter.key, None)]
            self._state.commit(keys.PARTITION, puts, {letter.key: letter.version, key: 0})
        except Conflict:  # somebody else redrives it
            return False
        return True


def _back_off(attempt: int, error: MantissaError) -> timedelta:
    """What the destination asked for, else ``min(300, 2^n * 5)`` seconds."""
    asked = error.after if isinstance(error, Retry) else None
    seconds = min(300.0, 2.0**attempt * 5) if asked is None else min(max(asked, 0.0), 86_400.0)
    return timedelta(seconds=seconds)


def _history(before: Document | None, message: Message, attempt: _Attempt) -> dict[str, Any]:
    value: Mapping[str, Any] = before.value if before else {"attempts": [], "receipts": {}}
    entry = {
        "integration_id": message.destination,
        "integration_type": message.value["type"],
        "status": attempt.status,
        "timestamp": time_to_json(attempt.at),
        "latency_ms": attempt.latency_ms,
    }
    receipts = {**value["receipts"], message.destination: attempt.receipt} if attempt.delivered else value["receipts"]
    return {"attempts": [*value["attempts"], entry][-_HISTORY:], "receipts": receipts}


def _version(document: Document | None) -> int:
    return document.version if document else 0
