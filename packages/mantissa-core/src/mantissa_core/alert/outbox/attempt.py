"""One try to deliver a message, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from mantissa_core.alert import keys
from mantissa_core.alert.fold import cut
from mantissa_core.alert.message import Message
from mantissa_core.errors import MantissaError, NeedsOperator, PluginError, Retry
from mantissa_core.model.alert import Delivery, Receipt
from mantissa_core.state.documents import State

RETRIES = 3
_LONGEST_ASKED = 86_400.0


class Delivers(Protocol):
    """What the outbox needs of a sink."""

    def deliver(self, delivery: Delivery) -> Receipt:
        """As :meth:`~mantissa_core.hookspecs.AlertSink.deliver`."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where messages with a label go. ``sink`` is ``None`` where nothing of that label is configured.

    ``hung`` says whether the plugin was given up by the host, ``revive`` starts it again.
    """

    label: str
    sink: Delivers | None
    hung: Callable[[], bool] = lambda: False
    revive: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Attempt:
    """The destination's receipt, or the error.

    ``retry`` is the seconds until the next try, ``asked`` what the destination said about that. ``refused``: it was
    refused for good. ``hung``: the plugin was given up.
    """

    status: Literal["delivered", "retry", "failed"]
    at: datetime
    latency_ms: float
    receipt: str = ""
    error: str = ""
    retry: float = 0.0
    asked: float | None = None
    refused: bool = False
    hung: bool = False

    @property
    def delivered(self) -> bool:
        """Whether it arrived."""
        return self.status == "delivered"


def attempt(state: State, to: Destination, message: Message, now: datetime, *, probe: bool) -> Attempt:
    """Call the sink. A probe costs the message none of its tries."""
    started = time.perf_counter()

    def done(status: Literal["delivered", "retry", "failed"], **details: Any) -> Attempt:
        return Attempt(status, now, round((time.perf_counter() - started) * 1000, 3), **details)

    try:
        receipt = _deliver(state, to, message)
    except NeedsOperator as error:
        return done("failed", error=cut(str(error)), refused=True)
    except MantissaError as error:  # Retry, or the host's word that the plugin hung or broke
        asked = error.after if isinstance(error, Retry) else None
        facts = {"asked": asked, "hung": isinstance(error, PluginError) and to.hung()}
        if message.spent > RETRIES and not probe:
            return done("failed", error=f"given up after {message.spent} attempts: {cut(str(error))}", **facts)
        return done("retry", error=cut(str(error)), retry=_pause(message.spent, asked), **facts)
    return done("delivered", receipt=cut(receipt))


def _deliver(state: State, to: Destination, message: Message) -> str:
    if to.sink is None:
        raise NeedsOperator(
            f"no destination {to.label!r} is running: configure it, then run 'mantissa alerts redeliver'"
        )
    if message.spent > RETRIES + 1:
        raise NeedsOperator(f"{message.spent - 1} attempts ended without an outcome: the process died in each")
    history = state.get(keys.PARTITION, keys.deliveries(message.alert_id))
    previous = history.value["receipts"].get(to.label) if history else None
    return to.sink.deliver(message.delivery(previous)).reference


def _pause(tries: int, asked: float | None) -> float:
    """What the destination asked for, else ``min(300, 2^n * 5)`` seconds."""
    return min(300.0, 2.0**tries * 5) if asked is None else min(max(asked, 0.0), _LONGEST_ASKED)
