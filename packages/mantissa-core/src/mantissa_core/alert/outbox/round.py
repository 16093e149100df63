"""One look through what waits for one destination: claim, attempt, settle, message by message."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog

from mantissa_core.alert import keys
from mantissa_core.alert.codec import time_to_json
from mantissa_core.alert.message import LEASE, Message
from mantissa_core.errors import Conflict, StateError
from mantissa_core.model.document import Put
from mantissa_core.state.documents import State

from .attempt import Attempt, Destination, attempt
from .circuit import Circuit
from .redrive import redrivable, revive
from .settle import settle, version

TURN = 200
"""Messages after which another destination may have the thread's place."""
_PAGE = 50

_log = structlog.get_logger(__name__)


class Round:
    """Works on one destination. ``stopping`` ends it behind the message in hand."""

    def __init__(
        self, state: State, to: Destination, clock: Callable[[], datetime], stopping: Callable[[], bool]
    ) -> None:
        self._state, self._to, self._clock, self._stopping = state, to, clock, stopping
        self._circuit_key = keys.circuit(to.label)
        self._circuit, self._version = Circuit(), 0
        self._tried = 0

    def run(self) -> tuple[int, bool]:
        """Attempt what is due; return how many messages were delivered, and whether there is more to do now.

        Raises:
            StateError: the store refused. Nothing is lost; what was delivered but not recorded is repeated.
        """
        self._look()
        if self._circuit.redrive:
            self._redrive()
        elif not self._circuit.closed:
            self._prepare_probe()
        return self._through(), self._tried >= TURN or self._circuit.redrive

    def _through(self) -> int:
        """Attempt the messages whose turn it is. Of those about one alert a later one waits for the earlier."""
        delivered, held = 0, set[str]()
        for document in self._state.scan(keys.PARTITION, keys.messages("outbox", self._to.label), page=_PAGE):
            message, now = Message.of(document), self._clock()
            if self._ends(now):
                break
            if message.alert_id not in held and message.due(now) and self._handle(message):
                delivered += 1
            else:
                held.add(message.alert_id)
        return delivered

    def _ends(self, now: datetime) -> bool:
        """Whether nothing more may go out in this round; what is to come back goes before what is younger."""
        circuit = self._circuit
        hopeless = not (circuit.closed or circuit.due(now) or circuit.due_for_others(now)) and self._to.sink is not None
        return hopeless or circuit.redrive or self._tried >= TURN or self._stopping()

    def _handle(self, message: Message) -> bool:
        """Attempt a message, where it may go out, and say whether it arrived."""
        self._look()
        missing = self._to.sink is None  # then there is nothing to spare
        if not missing and not self._circuit.lets(message.key, self._clock()):
            return False
        probe = not (missing or self._circuit.closed)
        if probe and self._to.hung():
            self._to.revive()
        claimed = self._claim(message, probe=probe)
        if claimed is None:
            return False
        self._tried += 1
        outcome = attempt(self._state, self._to, claimed, self._clock(), probe=probe)
        self._settle(claimed, outcome, probe=probe)
        return outcome.delivered

    def _claim(self, message: Message, *, probe: bool) -> Message | None:
        now = self._clock()
        claimed = message.with_(
            attempt=message.attempt + 1, spent=message.spent + 1, leased_until=time_to_json(now + LEASE)
        )
        puts = [Put(message.key, claimed.value)]
        puts += [self._circuit.probing(now).put(self._circuit_key)] if probe else []
        expects = {message.key: message.version, self._circuit_key: self._version}
        try:
            self._state.commit(keys.PARTITION, puts, expects)
        except Conflict:  # another dispatcher was faster, or the circuit changed
            return None
        return claimed.at_version(message.version + 1)

    def _settle(self, message: Message, outcome: Attempt, *, probe: bool) -> None:
        details = {"destination": message.destination, "alert": message.alert_id, "attempt": message.attempt}
        try:
            circuit = settle(self._state, message, outcome, self._clock(), probe=probe)
        except StateError as error:
            if outcome.delivered:
                _log.error("delivered, but not recorded: it is repeated under its key", **details, error=str(error))
            raise
        if circuit is None:
            _log.warning("lease lost during a delivery", **details)
            return
        if outcome.error:
            _log.warning("delivery failed", status=outcome.status, error=outcome.error, **details)
        if circuit.closed != self._circuit.closed:
            told = {"destination": message.destination, "next_probe_in": circuit.wait}
            _log.warning("destination is down" if not circuit.closed else "destination is back", **told)
        self._circuit = circuit

    def _look(self) -> None:
        stored = self._state.get(keys.PARTITION, self._circuit_key)
        self._circuit, self._version = Circuit.of(stored), version(stored)

    def _redrive(self) -> None:
        """Put back what was given up while the destination was down."""
        now = self._clock()
        count = sum(revive(self._state, each, now, by_itself=True) for each in redrivable(self._state, self._to.label))
        if count:
            _log.info("dead letters come back", destination=self._to.label, count=count)
        self._put(replace(self._circuit, redrive=False))

    def _prepare_probe(self) -> None:
        """The oldest message is the probe, be it a dead letter. Where there is none the probe is put off."""
        letter = next(redrivable(self._state, self._to.label), None)
        prefix = keys.messages("outbox", self._to.label)
        waiting = next(self._state.scan(keys.PARTITION, prefix, page=1), None)
        if letter is not None and (waiting is None or letter.key_in("outbox") < waiting.key):
            revive(self._state, letter, self._clock(), by_itself=True)
        elif waiting is None and self._circuit.state == "open":
            self._put(self._circuit.postponed(self._clock()))

    def _put(self, circuit: Circuit) -> None:
        with suppress(Conflict):  # somebody else looks after it
            self._state.commit(keys.PARTITION, [circuit.put(self._circuit_key)], {self._circuit_key: self._version})
        self._look()
