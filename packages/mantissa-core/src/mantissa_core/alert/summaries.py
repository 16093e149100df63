"""Telling together what was held: at the end of its time, a destination's messages become one.

Each commit takes some messages into the summary and notes at their alerts that they were told that way, so a crash in
between loses none and counts none twice. A message that is alone goes out as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from typing import Any

from mantissa_core.errors import Conflict
from mantissa_core.model.document import Document, Put
from mantissa_core.state.documents import State

from . import keys
from .codec import alert_to_json, time_to_json
from .message import Message, row
from .summary import as_alert, started, with_more

KEPT = timedelta(days=14)
"""How long 'mantissa alerts show' knows a summary."""
_COMMIT = 20  # messages: each is deleted and noted, besides the summary itself
_HISTORY = 100


class Summaries:
    """The messages that are held in a state store."""

    def __init__(self, state: State, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._state, self._clock = state, clock

    def held(self) -> Iterator[Message]:
        """The messages that wait, those that are due first in front."""
        return map(Message.of, self._state.scan(keys.PARTITION, keys.HELD))

    def tell(self) -> int:
        """Put a message for each destination into the outbox whose time has come; return how many."""
        told = 0
        while group := self._due():
            try:
                told += self._take(group)
            except Conflict:  # another process tells it, or a message came in
                continue
        return told

    def _due(self) -> list[Message]:
        """The next messages that are told together, as many as one commit holds; none where nothing is due."""
        now = time_to_json(self._clock())
        waiting = groupby(self.held(), key=_together)
        for (due, _destination, _kind), messages in waiting:
            return list(islice(messages, _COMMIT + 1)) if due <= now else []
        return []

    def _take(self, group: list[Message]) -> int:
        summary_key = keys.summary(*_together(group[0]))
        known = self._state.get(keys.PARTITION, summary_key)
        if known is None and len(group) == 1:
            self._release(group[0])
            return 1
        taken, more = group[:_COMMIT], len(group) > _COMMIT
        histories = self._state.get_many(keys.PARTITION, list({keys.deliveries(each.alert_id) for each in taken}))
        summary = with_more(known.value if known else started(taken), taken)
        noted = _noted(taken, histories, self._clock())
        ends = [Put(summary_key, summary)] if more else [Put(summary_key, None), *self._told(summary)]
        expects = {each.key: each.version for each in taken} | {summary_key: _version(known)}
        expects |= {each.key: _version(histories.get(each.key)) for each in noted}
        self._state.commit(keys.PARTITION, [*(Put(each.key, None) for each in taken), *noted, *ends], expects)
        return 0 if more else 1

    def _told(self, summary: dict[str, Any]) -> list[Put]:
        """The summary's message, and the summary where alerts are found by their ids."""
        now = self._clock()
        alert = as_alert(summary, now)
        message = row(alert, summary["destination"], summary["type"], "opened", now)
        return [message, Put(keys.alert(alert.id), alert_to_json(alert), now + KEPT)]

    def _release(self, message: Message) -> None:
        now = time_to_json(self._clock())
        value = {name: each for name, each in message.with_(next_at=now).value.items() if name != "hold"}
        key = message.key_in("outbox")
        self._state.commit(
            keys.PARTITION, [Put(message.key, None), Put(key, value)], {message.key: message.version, key: 0}
        )


def _together(message: Message) -> tuple[str, str, str]:
    hold = message.value["hold"]
    return hold["due"], message.destination, hold["kind"]


def _noted(messages: list[Message], histories: Mapping[str, Document], now: datetime) -> list[Put]:
    """The alerts' delivery histories, with a line for each message that a summary tells."""
    values: dict[str, dict[str, Any]] = {}
    for each in messages:
        key = keys.deliveries(each.alert_id)
        before = values.get(key) or (histories[key].value if key in histories else {"attempts": [], "receipts": {}})
        entry = {
            "integration_id": each.destination,
            "integration_type": each.value["type"],
            "status": "summarised",
            "timestamp": time_to_json(now),
            "latency_ms": 0.0,
        }
        values[key] = {**before, "attempts": [*before["attempts"], entry][-_HISTORY:]}
    return [Put(key, value) for key, value in values.items()]


def _version(document: Document | None) -> int:
    return document.version if document else 0
