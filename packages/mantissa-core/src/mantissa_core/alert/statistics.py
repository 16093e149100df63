"""What became of signals, by rule and day: alerts, messages, and what people were spared.

Nothing is counted on the side: the figures come from the alerts, their deliveries and their history, each of which was
written in the commit that did what it tells of. A crash or a replay changes none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from mantissa_core.model.document import Document
from mantissa_core.state import audit
from mantissa_core.state.documents import State

from . import keys
from .lifecycle import Step
from .telling import PRODUCT

_PAGE = 100


@dataclass(slots=True)
class Tally:
    """One rule's day (UTC, ``YYYY-MM-DD``). An alert and all that belongs to it count on the day of its opening event.

    ``signals`` are those that went into alerts, ``notified`` the messages that arrived (of each alert's last 100
    attempts). ``repeats``: signals that told nobody again. ``filtered``: signals that a filter silenced, on the day of
    their event. ``muted``: alerts that a maintenance window kept from everybody.
    """

    day: str
    rule_id: str
    rule_name: str
    signals: int = 0
    alerts: int = 0
    notified: int = 0
    repeats: int = 0
    filtered: int = 0
    muted: int = 0


Filtered = Mapping[tuple[str, str, str], int]
"""How many signals filters silenced, by day, id and name of their rule."""


def tallies(state: State, since: datetime, filtered: Filtered) -> list[Tally]:
    """Every rule's days since then, the newest day first, within it by rule."""
    found: dict[tuple[str, str], Tally] = {}
    for opened, alert, deliveries in _alerts(state, since):
        day = opened.date().isoformat()
        tally = found.setdefault((day, alert["rule_id"]), Tally(day, alert["rule_id"], alert["rule_name"]))
        tally.alerts += 1
        tally.signals += alert["count"]
        tally.repeats += alert["count"] - 1 - _reopened(state, alert)
        tally.notified += sum(each["status"] == "delivered" for each in deliveries)
        tally.muted += bool(alert.get("muted_by"))
    for (day, rule_id, rule_name), number in filtered.items():
        found.setdefault((day, rule_id), Tally(day, rule_id, rule_name)).filtered += number
    return sorted(sorted(found.values(), key=lambda each: each.rule_id), key=lambda each: each.day, reverse=True)


def _alerts(state: State, since: datetime) -> Iterator[tuple[datetime, Mapping[str, Any], list[Mapping[str, Any]]]]:
    """When each alert opened (event time), the alert and the attempts to tell of it."""
    listed = state.scan(keys.PARTITION, "by-time/")
    while page := list(islice(listed, _PAGE)):
        opened = {str(each.value["alert"]): _opened(each) for each in page}
        names = [name for name, moment in opened.items() if moment >= since]
        wanted = [key for name in names for key in (keys.alert(name), keys.deliveries(name))]
        stored = state.get_many(keys.PARTITION, wanted)
        for name in names:
            if alert := stored.get(keys.alert(name)):
                deliveries = stored.get(keys.deliveries(name))
                yield opened[name], alert.value, list(deliveries.value["attempts"]) if deliveries else []
        if len(names) < len(page):  # the newest come first
            return


def _opened(listing: Document) -> datetime:
    return keys.moment_of(listing.key.split("/")[1]).astimezone(UTC)


def _reopened(state: State, alert: Mapping[str, Any]) -> int:
    """How often a signal reopened the alert, which people were told of."""
    if not alert.get("changed"):
        return 0
    entries = audit.entries(state, keys.PARTITION, f"alert/{alert['id']}")
    return sum(each["action"] == Step.REOPEN.value and each["by"] == PRODUCT for each in entries)
