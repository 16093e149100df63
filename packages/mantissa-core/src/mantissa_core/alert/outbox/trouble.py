"""What the product says about its own destinations: one refuses, one is down, one is back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import unquote

from mantissa_core.alert import keys
from mantissa_core.alert.group import alert_id, group_id
from mantissa_core.alert.product import DELIVERY
from mantissa_core.errors import Conflict
from mantissa_core.model.document import Document
from mantissa_core.model.signal import Severity, Signal
from mantissa_core.state.documents import State

from .circuit import Circuit

PATIENCE = timedelta(minutes=5)
"""How long a destination is down before somebody is told."""

Problem = Literal["refused", "down", "canary"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A destination that does not take alerts. ``episode`` tells one occurrence from the next."""

    destination: str
    problem: Problem
    detail: str
    episode: str

    def signal(self, now: datetime) -> Signal:
        """As a signal, the same one for as long as the episode lasts."""
        identity = f"{DELIVERY}\0{self.problem}\0{self.destination}\0{self.episode}"
        return Signal(
            id=hashlib.sha256(identity.encode()).hexdigest()[:32],
            rule_id=DELIVERY,
            rule_name=f"Destination {'misses tests' if self.problem == 'canary' else self.problem}",
            severity=Severity.HIGH,
            summary=f"{self.destination}: {self.detail}",
            time=now,
            table="",
            event_ids=(),
            tags=("mantissa.health",),
            group={"destination": self.destination, "problem": self.problem},
            entities={"target": self.destination},
        )


class Troubles:
    """Finds what is news about destinations, and remembers what was told, beside their circuits."""

    def __init__(self, state: State) -> None:
        self._state = state

    def news(self, now: datetime) -> Iterator[tuple[Trouble, Document]]:
        """What nobody was told yet, with the circuit's document: tell it, then :meth:`told`."""
        for document in self._state.scan(keys.PARTITION, "circuit/"):
            destination, circuit = unquote(document.key.partition("/")[2]), Circuit.of(document)
            if circuit.refused and circuit.refused != circuit.told:
                detail = f"refuses alerts: {circuit.refusal}; mend it, then run 'mantissa alerts redeliver'"
                yield Trouble(destination, "refused", detail, circuit.refused.isoformat()), document
            elif circuit.opened and not circuit.alert and abs(now - circuit.opened) >= PATIENCE:
                detail = f"no alert gets there since {circuit.opened:%Y-%m-%d %H:%M} UTC: {circuit.error}"
                yield Trouble(destination, "down", detail, circuit.opened.isoformat()), document

    def told(self, trouble: Trouble, signal: Signal, document: Document) -> None:
        """Note that somebody was. Where the circuit changed meanwhile, the same is found again and changes nothing."""
        circuit = Circuit.of(document)
        if trouble.problem == "refused":
            circuit = replace(circuit, told=circuit.refused)
        else:
            circuit = replace(circuit, alert=alert_id(group_id(signal), signal))
        self._put(circuit, document)

    def over(self) -> Iterator[tuple[str, Document]]:
        """The ids of alerts about destinations that are back, with the document: resolve, then :meth:`settled`."""
        for document in self._state.scan(keys.PARTITION, "circuit/"):
            circuit = Circuit.of(document)
            if circuit.closed and circuit.alert:
                yield circuit.alert, document

    def settled(self, document: Document) -> None:
        """Note that the alert was resolved."""
        self._put(replace(Circuit.of(document), alert=""), document)

    def _put(self, circuit: Circuit, document: Document) -> None:
        try:
            self._state.commit(keys.PARTITION, [circuit.put(document.key)], {document.key: document.version})
        except Conflict:
            return  # it is found again
