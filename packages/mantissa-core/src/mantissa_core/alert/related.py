"""Alerts that share an entity: the same user, address or target, at about the same time.

Each alert is listed under its entities, in the commit that brought them; what is related is found when it is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from mantissa_core.model.alert import Alert
from mantissa_core.model.document import Put
from mantissa_core.state.documents import State

from . import keys
from .codec import alert_from_json

KINDS = ("user", "src_ip", "target")
"""The entities that relate alerts; half of all alerts share an action or an outcome."""
SPAN = timedelta(hours=24)
"""How far apart two alerts may have opened."""
_LOOK = 200
"""Alerts of one entity that are looked through: those of a busy service account are related to nothing."""


@dataclass(frozen=True, slots=True)
class Related:
    """Another alert, and what it shares: pairs of entity and value."""

    alert: Alert
    shares: tuple[tuple[str, str], ...]


def pairs(alert: Alert) -> set[tuple[str, str]]:
    """The entities by which an alert is found."""
    return {(kind, value) for kind in KINDS for value in alert.entities.get(kind, ())}


def listings(alert: Alert, found: Iterable[tuple[str, str]], opened: datetime, until: datetime) -> list[Put]:
    """The documents that list an alert under these entities, until they are forgotten."""
    value = {"alert": alert.id}
    return [Put(keys.entity(_hash(*pair), opened, alert.id), value, until) for pair in sorted(found)]


def related(state: State, alert: Alert, opened: datetime, limit: int = 20) -> list[Related]:
    """Alerts that opened within a day of this one and share an entity; those that share most first, then the nearest.

    ``opened`` is the event time at which the alert opened.
    """
    shares: dict[str, list[tuple[str, str]]] = {}
    for pair in sorted(pairs(alert)):
        for other in _listed(state, pair, opened):
            if other != alert.id:
                shares.setdefault(other, []).append(pair)
    stored = state.get_many(keys.PARTITION, [keys.alert(each) for each in shares]) if shares else {}
    found = [
        Related(alert_from_json(stored[keys.alert(name)].value), tuple(shared))
        for name, shared in shares.items()
        if keys.alert(name) in stored
    ]
    return sorted(found, key=lambda each: (-len(each.shares), abs(each.alert.first_seen - opened)))[:limit]


def _listed(state: State, pair: tuple[str, str], opened: datetime) -> Iterator[str]:
    prefix = keys.entity(_hash(*pair))
    newest, oldest = keys.newest_first(opened + SPAN), keys.newest_first(opened - SPAN)
    for document in islice(state.scan(keys.PARTITION, prefix), _LOOK):
        moment = document.key.removeprefix(prefix).partition("/")[0]
        if newest <= moment <= oldest:
            yield str(document.value["alert"])


def _hash(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}\0{value}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
