"""What is committed beside an alert so that people hear of it: messages and timers of chains; or a mute.

``heard`` are the labels of the destinations that have a message about the alert, or will: they go on hearing of it
whatever the routes say by then, so that what was opened there is closed there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from mantissa_core.model.alert import Alert, Event
from mantissa_core.model.document import Put
from mantissa_core.state import audit
from mantissa_core.state.documents import State

from . import keys
from .codec import time_to_json
from .message import messages
from .route import Route
from .routing.routing import Routing
from .routing.windows import Muted

PRODUCT = "mantissa"
"""Who does what no person does."""


def tell(
    alert: Alert, routing: Routing, event: Event, now: datetime, heard: Collection[str] = ()
) -> tuple[Alert, list[Put]]:
    """Of an alert that opened or reopened: to every destination that matches, unless a maintenance window mutes it.

    Its chains begin. Destinations that never heard of it hear that it opened.
    """
    decision = routing.decide(alert, now)
    if decision.muted:
        return mute(alert, decision.muted, now)
    to = _in_order(routing, {*heard, *(each.label for each in decision.to)})
    alert, rows = addressed(replace(alert, muted_by=""), to, event, now, heard)
    return alert, [*rows, *(timer(alert, chain, 0, now, routing) for chain in decision.chains)]


def inform(
    alert: Alert, routing: Routing, event: Event, now: datetime, heard: Collection[str]
) -> tuple[Alert, list[Put]]:
    """Of a step: to the destinations that heard of the alert, and those that match now unless it was muted."""
    matching = () if alert.muted_by else routing.decide(alert, now).to
    return messages(alert, _in_order(routing, {*heard, *(each.label for each in matching)}), event, now)


def addressed(
    alert: Alert, to: Iterable[Route], event: Event, now: datetime, heard: Collection[str]
) -> tuple[Alert, list[Put]]:
    """Messages with that event to those who heard of the alert, and that it opened to the others."""
    listed = list(to)
    alert, rows = messages(alert, [each for each in listed if each.label in heard], event, now)
    alert, first = messages(alert, [each for each in listed if each.label not in heard], "opened", now)
    return alert, [*rows, *first]


def mute(alert: Alert, window: Muted, now: datetime) -> tuple[Alert, list[Put]]:
    """Nobody is told before the window closes."""
    value = {"alert": alert.id, "window": window.window}
    puts = [Put(keys.muted(window.until, alert.id), value)]
    if alert.muted_by != window.window:
        note = f"maintenance window {window.window} until {window.until:%Y-%m-%d %H:%M} UTC"
        puts.append(audit.entry(f"alert/{alert.id}", "mute", PRODUCT, now, note=note))
    return replace(alert, muted_by=window.window), puts


def timer(alert: Alert, chain: str, step: int, since: datetime, routing: Routing) -> Put:
    """The document that makes a step of a chain happen; it counts for as long as the alert's status stays."""
    due = since + routing.rules.chains[chain][step].after
    value = {
        "alert": alert.id,
        "chain": chain,
        "step": step,
        "since": time_to_json(since),
        "changed": time_to_json(alert.changed) if alert.changed else None,
    }
    return Put(keys.escalation(due, alert.id, chain), value)


def heard(state: State, alert: Alert, routing: Routing) -> frozenset[str]:
    """The destinations that have a message about the alert, or one on its way."""
    # In this order: a message that is delivered in between moves from the outbox to the receipts.
    about = ((each.label, keys.about("outbox", each.label, alert.created, alert.id)) for each in routing)
    waiting = {label for label, prefix in about if any(state.scan(keys.PARTITION, prefix, page=1))}
    history = state.get(keys.PARTITION, keys.deliveries(alert.id))
    return frozenset(waiting | set(history.value["receipts"] if history else ()))


def _in_order(routing: Routing, labels: Collection[str]) -> list[Route]:
    return [each for each in routing if each.enabled and each.label in labels]
