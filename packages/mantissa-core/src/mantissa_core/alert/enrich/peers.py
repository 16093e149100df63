"""How usual is it, for this user and for others: counted in the events of the days before.

Peers are all users of the same table. Whole days count, those before the alert's own: what an attacker did an hour ago
makes nothing usual, and the answer is the same all day.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from mantissa_core.hookspecs import hookimpl
from mantissa_core.model.alert import Alert, Enrichment
from mantissa_core.model.query import QueryResult
from mantissa_core.parse.sql import identifier

Ask = Callable[[str, Mapping[str, Any], int], QueryResult]
"""Runs SQL: the text, what its ``$names`` stand for, and how many rows at most."""

PER_MINUTE = 60
"""Alerts a minute that it is done for: each may take a look at all events of the days."""
MOST = 3
"""Users of an alert that are compared."""
REMEMBERED = 1_000
"""Answers that are kept."""
LONGEST = 1_000
"""Characters of a user, an action or an address that is looked for."""


class Peers:
    """An enricher of its own: it asks the lake about the days before the alert's.

    ``days`` is how many. Facts: ``{"peers": {<user>: {"sentence": …, "days": 14, "seen_days": 12, "action": "login",
    "action_days": 1, "address": "203.0.113.7", "address_days": 0, "others": 40, "others_acting": 2}}}``.
    """

    about = None  # table and day count as well

    def __init__(self, ask: Ask, days: int = 14) -> None:
        self._ask, self._days = ask, days
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Mapping[str, int]] = OrderedDict()

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """Compare the alert's users with their own past and with the others.

        Raises:
            QueryError: the lake cannot be asked, or not in time.
        """
        users, action = _usable(alert, "user")[:MOST], next(iter(_usable(alert, "action")), None)
        if not alert.table or not users or action is None:
            return None
        address = next(iter(_usable(alert, "src_ip")), None)
        counted = self._counted(alert.table, alert.first_seen.date(), users, action, address)
        if not counted.get("users"):
            return None  # there is no past to compare with
        told = {
            user: self._told(user, index, action, address, alert.table, counted) for index, user in enumerate(users)
        }
        return Enrichment({"peers": told})

    def _counted(self, table: str, day: date, users: list[str], action: str, address: str | None) -> Mapping[str, int]:
        """One row of numbers. Of the alert the text holds the table's quoted name only; the rest are parameters."""
        parameters: dict[str, Any] = {
            "since": (day - timedelta(days=self._days)).isoformat(),
            "until": (day - timedelta(days=1)).isoformat(),
            "action": action,
            **{f"user{index}": user for index, user in enumerate(users)},
            **({"address": address} if address is not None else {}),
        }
        columns = ["count(DISTINCT m_user) AS users", _distinct("m_user", "acting", "m_action = $action")]
        for index in range(len(users)):
            own = f"m_user = $user{index}"
            columns.append(_distinct("dt", f"seen{index}", own))
            columns.append(_distinct("dt", f"did{index}", f"{own} AND m_action = $action"))
            if address is not None:
                columns.append(
                    _distinct("dt", f"there{index}", f"{own} AND m_action = $action AND m_src_ip = $address")
                )
        sql = f"SELECT {', '.join(columns)} FROM {identifier(table)} WHERE dt >= $since AND dt <= $until"
        return self._remembered(sql, parameters)

    def _remembered(self, sql: str, parameters: Mapping[str, Any]) -> Mapping[str, int]:
        """What was counted before, as long as it is among the last: the days are part of the question."""
        key = json.dumps([sql, parameters])
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        rows = self._ask(sql, parameters, 1).rows.to_pylist()
        with self._lock:
            self._known[key] = rows[0] if rows else {}
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return rows[0] if rows else {}

    def _told(
        self, user: str, index: int, action: str, address: str | None, table: str, counted: Mapping[str, int]
    ) -> dict[str, Any]:
        seen, did = counted[f"seen{index}"], counted[f"did{index}"]
        others = counted["users"] - (seen > 0)
        acting = counted["acting"] - (did > 0)
        facts = {"days": self._days, "seen_days": seen, "action": action, "action_days": did}
        if address is not None:
            facts |= {"address": address, "address_days": counted[f"there{index}"]}
        facts |= {"others": others, "others_acting": acting}
        return {"sentence": _sentence(user, table, facts), **facts}


def _sentence(user: str, table: str, facts: Mapping[str, Any]) -> str:
    verb = facts["action"].replace("_", " ")
    if not facts["seen_days"]:
        own = f"{user} was not seen in {table} on the {facts['days']} days before"
    else:
        there = ""
        if facts["action_days"] and "address" in facts:
            there = f" (from {facts['address']} on {facts['address_days'] or 'none'})"
        own = f"{user} did this ({verb}) on {facts['action_days'] or 'none'} of the {facts['days']} days before{there}"
    if not facts["others"]:
        return f"{own}; no other user was seen there"
    what = f"did this ({verb})" if not facts["seen_days"] else "did"
    return f"{own}; {facts['others_acting'] or 'none'} of {facts['others']} other users of {table} {what}"


def _distinct(column: str, name: str, condition: str) -> str:
    return f"count(DISTINCT CASE WHEN {condition} THEN {column} END) AS {name}"


def _usable(alert: Alert, kind: str) -> list[str]:
    return [each for each in alert.entities.get(kind, ()) if 0 < len(each) <= LONGEST]
