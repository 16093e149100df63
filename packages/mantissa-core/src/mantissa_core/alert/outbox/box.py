"""The outbox: the messages under way, and the destinations that take them.

Every message is delivered at least once. A crash between the destination's answer and our commit repeats the
attempt under the same key; whether people see it twice is up to the destination, and each sink documents that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from mantissa_core.alert import keys
from mantissa_core.alert.health import Health, total
from mantissa_core.alert.message import Message
from mantissa_core.state.documents import State

from .attempt import Delivers, Destination
from .circuit import Circuit
from .redrive import letters, revive
from .round import Round
from .rounds import Rounds


def _never(_label: str) -> bool:
    return False


class Outbox:
    """What waits, what was given up, and who works on it.

    Each destination is worked on by a thread of its own. Several processes may dispatch at once: a message belongs to
    whoever claimed it, for :data:`~mantissa_core.alert.message.LEASE`. ``hung`` says whether a destination's plugin was
    given up because it did not answer, ``revive`` starts it again and returns whether it runs.
    """

    def __init__(
        self,
        state: State,
        sinks: Mapping[str, Delivers],
        *,
        hung: Callable[[str], bool] = _never,
        revive: Callable[[str], bool] = _never,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._state, self._sinks, self._clock = state, sinks, clock
        self._hung, self._revive = hung, revive
        self._stopping = threading.Event()
        self._rounds = Rounds(self._work)

    def dispatch(self) -> int:
        """Attempt every message that is due, and return how many were delivered.

        Of the messages about one alert to one destination a later one waits for the earlier; others do not. What
        another thread is working on is not waited for.

        Raises:
            StateError: the store refused; the other destinations were worked on.
        """
        started = self._rounds.start(self._waking())
        errors = [each.exception() for each in started]  # waits for them all
        for error in errors:
            if error is not None:
                raise error
        return sum(each.result() for each in started)

    def wake(self) -> None:
        """Have every message that is due attempted, without waiting for it. Errors are logged and tried again."""
        self._rounds.start(self._rounds.rested(self._waking()))

    def stop(self) -> None:
        """Finish the messages in hand and begin no others."""
        self._stopping.set()
        self._rounds.wait()

    def redrive(self, destination: str | None = None) -> int:
        """Put dead letters (of one destination, or all) back into the outbox; return how many.

        Somebody has mended something: a destination that is down is probed at once.
        """
        count = sum(revive(self._state, each, self._clock()) for each in letters(self._state, destination))
        prefix = "circuit/" if destination is None else keys.circuit(destination)
        for each in self._state.scan(keys.PARTITION, prefix):
            if destination in (None, _last(each.key)):
                self._state.update(keys.PARTITION, each.key, _hurried)
        return count

    def waiting(self) -> Iterator[Message]:
        """The messages that are still to be delivered."""
        return map(Message.of, self._state.scan(keys.PARTITION, "outbox/"))

    def oldest(self, destination: str) -> Message | None:
        """The message that has waited longest."""
        found = self._state.scan(keys.PARTITION, keys.messages("outbox", destination), page=1)
        return next(map(Message.of, found), None)

    def dead(self) -> Iterator[Message]:
        """The messages that were given up within the last 14 days, each with its last ``error``."""
        return letters(self._state)

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

    def circuit(self, destination: str) -> Circuit:
        """Whether the destination is being attempted."""
        return Circuit.of(self._state.get(keys.PARTITION, keys.circuit(destination)))

    def _work(self, label: str) -> tuple[int, bool]:
        to = Destination(label, self._sinks.get(label), lambda: self._hung(label), lambda: self._revive(label))
        return Round(self._state, to, self._clock, self._stopping.is_set).run()

    def _waking(self) -> list[str]:
        """The destinations for which something could be done now; nobody's messages are read for that."""
        now, waiting = self._clock(), set(self._destinations())
        circuits = {_last(each.key): Circuit.of(each) for each in self._state.scan(keys.PARTITION, "circuit/")}
        return [
            label
            for label in sorted(waiting | circuits.keys())
            if _wants(circuits.get(label, Circuit()), label in waiting, now)
            or (label in waiting and label not in self._sinks)
        ]

    def _destinations(self) -> Iterator[str]:
        """Those that something waits for: one message of each is read."""
        after = ""
        while found := next(self._state.scan(keys.PARTITION, "outbox/", after, page=1), None):
            label = Message.of(found).destination
            yield label
            after = keys.behind("outbox", label)


def _wants(circuit: Circuit, waiting: bool, now: datetime) -> bool:
    if circuit.closed:
        return waiting or circuit.redrive
    return circuit.due(now) or (waiting and circuit.due_for_others(now))


def _hurried(value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return {**value, "until": None} if value and value["state"] == "open" else value


def _last(key: str) -> str:
    return unquote(key.rpartition("/")[2])
