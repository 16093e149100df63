"""The circuit of a destination: after failures in a row nothing is sent there but, now and then, one probe.

.. code-block:: text

    closed ── 5 failures in a row, a hang, or a message given up with nothing delivered since ──▶ open
    open ── after 30 s, doubling to 10 min, or what the destination asked for ──▶ half-open: one message
    half-open ── delivered ──▶ closed        ── failed ──▶ open

It is a document of the state store, so all processes hold to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from mantissa_core.alert.codec import time_from_json, time_to_json
from mantissa_core.alert.message import LEASE
from mantissa_core.model.document import Document, Put

CircuitState = Literal["closed", "open", "half-open"]

THRESHOLD = 5
"""Failures in a row, whichever messages they concern."""
SHORTEST, LONGEST = 30.0, 600.0
"""Seconds until the first probe, and between two in the end."""
MOST_ASKED = 86_400.0
"""Seconds of a ``Retry-After`` that are waited for at most."""
EPISODE = timedelta(hours=1)
"""Refusals within this time are one piece of news."""
_TIMES = ("opened", "until", "refused", "told")


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of a destination that has, or had, trouble.

    ``failures`` in a row that are worth another try, the last one ``error``; ``alone`` is the message's key where all
    of them were about one. ``opened`` is when it stopped working, ``until`` when the next probe may go, at most
    ``wait`` seconds away. ``redrive``: what was given up meanwhile is still to be put back. ``refused`` is when the
    refusals of now began, the last one ``refusal``; ``told`` is the ``refused`` that there is an alert about.
    ``alert`` is the id of the alert about the outage.
    """

    state: CircuitState = "closed"
    failures: int = 0
    error: str = ""
    alone: str = ""
    opened: datetime | None = None
    until: datetime | None = None
    pause: float = 0.0
    wait: float = 0.0
    redrive: bool = False
    refused: datetime | None = None
    refusal: str = ""
    told: datetime | None = None
    alert: str = ""

    @classmethod
    def of(cls, document: Document | None) -> Circuit:
        """The circuit in a document; closed where there is none."""
        if document is None:
            return cls()
        value = dict(document.value)
        return cls(**{**value, **{name: time_from_json(value[name]) for name in _TIMES if value.get(name)}})

    def put(self, key: str) -> Put:
        """The document; none for a destination without trouble."""
        return Put(key, None if self == Circuit() else self._json())

    def _json(self) -> Mapping[str, Any]:
        value = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**value, **{name: time_to_json(value[name]) for name in _TIMES if value[name]}}

    @property
    def closed(self) -> bool:
        """Whether messages go out."""
        return self.state == "closed"

    def due(self, now: datetime) -> bool:
        """Whether a probe may go: the pause is over, or who probes has not been heard of since.

        A pause that ends later than it can is left from before the clock was set back, and over.
        """
        return self.until is None or not now < self.until <= now + timedelta(seconds=self.wait)

    def due_for_others(self, now: datetime) -> bool:
        """Whether a message other than :attr:`alone` may probe: it may be that one that cannot be delivered."""
        since = self.until - timedelta(seconds=self.wait) if self.until else now
        return self.state == "open" and bool(self.alone) and not now < since + timedelta(seconds=SHORTEST)

    def lets(self, key: str, now: datetime) -> bool:
        """Whether the message may go out now, be it as a probe."""
        return self.closed or self.due(now) or (key != self.alone and self.due_for_others(now))

    def probing(self, now: datetime) -> Circuit:
        """With a probe under way."""
        return replace(self, state="half-open", until=now + LEASE, wait=LEASE.total_seconds())

    def postponed(self, now: datetime) -> Circuit:
        """With the next look later: there is nothing to probe with."""
        return self._opened(now, self.pause, None)

    def succeeded(self) -> Circuit:
        """After a delivery."""
        redrive = self.redrive or not self.closed or self.failures >= THRESHOLD - 1
        return replace(self, **_QUIET, redrive=redrive)

    def failed(self, key: str, error: str, now: datetime, *, after: float | None, for_good: bool) -> Circuit:
        """After a failure that may pass. ``for_good``: there is no use in going on now (a hang, a message given up)."""
        failures = self.failures + 1
        alone = key if failures == 1 or self.alone == key else ""
        failing = replace(self, failures=failures, error=error, alone=alone)
        if self.state == "open":  # an attempt that was under way when it opened
            return failing
        if self.state == "half-open":
            return failing._opened(now, min(2 * self.pause, LONGEST), after)
        return failing._opened(now, SHORTEST, after) if for_good or failures >= THRESHOLD else failing

    def refusing(self, error: str, now: datetime, *, news: bool = True) -> Circuit:
        """After a refusal. It proves nothing about other messages: a circuit that is open stays so.

        Without ``news`` nobody needs to be told.
        """
        begun = self.refused if self.refused and abs(now - self.refused) < EPISODE else now
        refusing = replace(self, refused=begun, refusal=error) if news else self
        return refusing._opened(now, self.pause, None) if self.state == "half-open" else refusing

    def _opened(self, now: datetime, pause: float, after: float | None) -> Circuit:
        wait = max(pause, min(after or 0.0, MOST_ASKED))
        until = now + timedelta(seconds=wait)
        return replace(self, state="open", opened=self.opened or now, pause=pause, wait=wait, until=until)


_QUIET: Mapping[str, Any] = {
    name: getattr(Circuit(), name)
    for name in ("state", "failures", "error", "alone", "opened", "until", "pause", "wait")
}
