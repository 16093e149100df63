"""Recording what came of an attempt: one commit moves the message on and adds to history, counts and circuit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from mantissa_core.alert import keys
from mantissa_core.alert.codec import time_to_json
from mantissa_core.alert.health import counted, hour_key
from mantissa_core.alert.message import Message
from mantissa_core.alert.product import DELIVERY
from mantissa_core.errors import Conflict
from mantissa_core.model.document import Document, Put
from mantissa_core.state.documents import State

from .attempt import RETRIES, Attempt
from .circuit import Circuit

DEAD_FOR = timedelta(days=14)
_HISTORY = 100


def settle(state: State, message: Message, attempt: Attempt, now: datetime, *, probe: bool) -> Circuit | None:
    """Record the outcome, and return the circuit as it is then; ``None`` where the lease was lost meanwhile."""
    history, circuit = keys.deliveries(message.alert_id), keys.circuit(message.destination)
    hour = hour_key(message.destination, attempt.at)
    while True:
        stored = state.get_many(keys.PARTITION, [message.key, history, hour, circuit])
        if version(stored.get(message.key)) != message.version:
            return None
        before = Circuit.of(stored.get(circuit))
        after = _judged(before, message, attempt, now)
        puts = [
            *_moved(message, attempt, now, probe=probe),
            Put(history, _history(stored.get(history), message, attempt)),
            counted(stored.get(hour), hour, attempt.delivered, attempt.at, attempt.error),
            *([after.put(circuit)] if after != before else []),
        ]
        expects = {key: version(stored.get(key)) for key in (message.key, history, hour, circuit)}
        try:
            state.commit(keys.PARTITION, puts, expects)
        except Conflict:  # history, counts or circuit moved: read them again
            continue
        return after


def version(document: Document | None) -> int:
    """The version that a commit expects."""
    return document.version if document else 0


def _judged(circuit: Circuit, message: Message, attempt: Attempt, now: datetime) -> Circuit:
    if attempt.delivered:
        return circuit.succeeded()
    if attempt.refused:
        # An alert about alerts that are refused: telling about that, too, would have no end.
        return circuit.refusing(attempt.error, now, news=message.value["alert"]["rule_id"] != DELIVERY)
    in_vain = attempt.status == "failed" and circuit.failures >= RETRIES  # nothing got through since its first try
    return circuit.failed(message.key, attempt.error, now, after=attempt.asked, for_good=attempt.hung or in_vain)


def _moved(message: Message, attempt: Attempt, now: datetime, *, probe: bool) -> list[Put]:
    if attempt.delivered:
        return [Put(message.key, None)]
    pause = 0.0 if probe else attempt.retry  # the circuit says when a probe goes again
    after = message.with_(
        error=attempt.error,
        leased_until=time_to_json(now),
        next_at=time_to_json(now + timedelta(seconds=pause)),
        pause=pause,
        spent=message.spent - 1 if probe else message.spent,
        refused=attempt.refused,
    )
    if attempt.status == "retry":
        return [Put(message.key, after.value)]
    return [Put(message.key, None), Put(message.key_in("dead"), after.value, now + DEAD_FOR)]


def _history(before: Document | None, message: Message, attempt: Attempt) -> dict[str, Any]:
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
