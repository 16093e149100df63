"""Canaries: test events that go all the way, from ingestion to every destination, and what became of each.

State partition ``alerts``: ``canary/<id>`` says when one was sent, to which destinations it should get, and where it
arrived after how many milliseconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mantissa_core.model import Detector, Severity, Signal
from mantissa_core.model.document import Document, Put
from mantissa_core.state.documents import State

from . import keys
from .codec import time_from_json, time_to_json
from .group import alert_id, group_id
from .outbox import Outbox
from .outbox.trouble import Trouble
from .product import CANARY

if TYPE_CHECKING:
    import pyarrow as pa

LOG_TYPE, TABLE = "core.canary", "core_canary"
KEPT = timedelta(days=1)
PIPELINE = "pipeline"
"""What is named as the destination where a test event did not even become an alert."""


@dataclass(frozen=True, slots=True)
class Canary:
    """One test. ``arrived`` holds, by destination, the milliseconds from the event to the destination's answer.

    ``alert`` is its alert's id, ``alerted`` whether there is one by now.
    """

    id: str
    sent: datetime
    destinations: tuple[str, ...]
    alert: str
    alerted: bool
    arrived: Mapping[str, float]

    @property
    def missing(self) -> tuple[str, ...]:
        """The destinations that it did not get to."""
        return tuple(each for each in self.destinations if each not in self.arrived)

    def troubles(self, within: timedelta) -> Iterator[Trouble]:
        """What to tell where time is up; one piece of news an hour for each destination."""
        minutes, episode = f"{within.total_seconds() / 60:g} min", f"{self.sent:%Y-%m-%dT%H}"
        if not self.alerted:
            detail = f"a test event did not become an alert within {minutes}: look whether 'mantissa run' detects"
            yield Trouble(PIPELINE, "canary", detail, episode)
            return
        for each in self.missing:
            detail = f"a test alert did not get there within {minutes}: 'mantissa sinks health' may say why"
            yield Trouble(each, "canary", detail, episode)


def detector() -> Detector:
    """The built-in rule: each test event is a signal."""
    return Detector(CANARY, [TABLE], _find)


def record(canary: str, sent: datetime) -> Mapping[str, Any]:
    """The test event."""
    return {"canary": canary, "sent": time_to_json(sent)}


class Canaries:
    """The tests of the last day."""

    def __init__(self, state: State, outbox: Outbox) -> None:
        self._state, self._outbox = state, outbox

    def send(self, canary: str, destinations: Sequence[str], now: datetime) -> None:
        """Note a test, before its event is stored."""
        value = {"sent": time_to_json(now), "destinations": list(destinations), "done": False}
        self._state.commit(keys.PARTITION, [Put(_key(canary), value, now + KEPT)])

    def under_way(self) -> Iterator[Canary]:
        """Those that nobody has settled yet."""
        for document in self._state.scan(keys.PARTITION, "canary/"):
            if not document.value["done"]:
                yield self._read(document)

    def get(self, canary: str) -> Canary:
        """One test, as it is now.

        Raises:
            KeyError: it is not known, or too long ago.
        """
        document = self._state.get(keys.PARTITION, _key(canary))
        if document is None:
            raise KeyError(canary)
        return self._read(document)

    def last_sent(self) -> datetime | None:
        """When the last one was sent, within a day."""
        times = (time_from_json(each.value["sent"]) for each in self._state.scan(keys.PARTITION, "canary/"))
        return max(times, default=None)

    def settle(self, canary: Canary) -> None:
        """Nobody needs to look at it again."""
        self._state.update(keys.PARTITION, _key(canary.id), lambda old: {**old, "done": True} if old else None)

    def _read(self, document: Document) -> Canary:
        canary, sent = document.key.partition("/")[2], time_from_json(document.value["sent"])
        signal = _signal(canary, sent, ())
        alert = alert_id(group_id(signal), signal)
        arrived = {}
        for each in self._outbox.attempts(alert):
            if each["status"] == "delivered" and each["integration_id"] not in arrived:
                took = time_from_json(each["timestamp"]) - sent
                arrived[each["integration_id"]] = round(took.total_seconds() * 1000 + each["latency_ms"], 1)
        alerted = self._state.get(keys.PARTITION, keys.alert(alert)) is not None
        return Canary(canary, sent, tuple(document.value["destinations"]), alert, alerted, arrived)


def _find(table: str, rows: pa.Table) -> Sequence[Signal]:
    found = rows.select(["m_id", "canary", "sent"]).to_pylist()
    return [_signal(each["canary"], time_from_json(each["sent"]), (each["m_id"],)) for each in found]


def _signal(canary: str, sent: datetime, events: tuple[str, ...]) -> Signal:
    return Signal(
        id=hashlib.sha256(f"{CANARY}\0{canary}".encode()).hexdigest()[:32],
        rule_id=CANARY,
        rule_name="Test alert",
        severity=Severity.INFORMATIONAL,
        summary=f"This is a test: nothing happened. Mantissa Log checks that alerts get here ({canary}).",
        time=sent,
        table=TABLE,
        event_ids=events,
        tags=("mantissa.canary",),
        group={"canary": canary},
    )


def _key(canary: str) -> str:
    return f"canary/{canary}"
