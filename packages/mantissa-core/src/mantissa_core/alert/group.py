"""Which signals belong together: the group key, and the episodes that an alert stands for.

A signal joins an alert of its group when it is at most ``window`` away from what the alert spans already, in
event time, so that replayed history groups like live data. The span slides with every member and is capped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mantissa_core.model.signal import Signal

from .codec import time_from_json, time_to_json

WINDOW = timedelta(minutes=5)
CAP = timedelta(hours=24)
_EPISODES_PER_DAY = 1000


@dataclass(frozen=True, slots=True)
class Grouping:
    """What a rule says about its alerts. ``window`` is the idle time after which a new alert opens."""

    window: timedelta = WINDOW
    description: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """The span of event time that an alert covers, and the moment at which it opened."""

    alert_id: str
    opened: datetime
    first: datetime
    last: datetime

    def stretched(self, moment: datetime) -> Episode:
        """The same episode, covering ``moment`` too."""
        return Episode(self.alert_id, self.opened, min(self.first, moment), max(self.last, moment))

    def accepts(self, moment: datetime, window: timedelta) -> bool:
        """Whether a signal at ``moment`` belongs to this episode."""
        wider = self.stretched(moment)
        near = self.first - moment <= window and moment - self.last <= window
        return near and wider.last - wider.first <= CAP and abs(moment - self.opened) <= CAP


def group_id(signal: Signal) -> str:
    """Hash of rule, severity, summary and group values.

    A rule that groups by nothing, or an event that lacks what it groups by, falls back to the event's id: a
    constant would fold unrelated events into one alert.
    """
    values: Any = sorted(signal.group.items()) or sorted(signal.event_ids) or signal.id
    text = json.dumps([signal.rule_id, signal.severity.value, signal.summary, values], ensure_ascii=False)
    return _hash(text)


def alert_id(group: str, opening: Signal) -> str:
    """The same for the same opening signal, so that a replay after a loss of state repeats no notification key."""
    return _hash(f"{group}\0{opening.id}")


def day(moment: datetime) -> str:
    """The UTC day under which an episode that opened at ``moment`` is kept."""
    return moment.astimezone(UTC).date().isoformat()


def days_around(moment: datetime) -> tuple[str, ...]:
    """The days on which an episode that ``moment`` may join can have opened."""
    return tuple(dict.fromkeys(day(_shift(moment, days)) for days in (-1, 0, 1)))


def episodes_from_json(value: Mapping[str, Any]) -> list[Episode]:
    """Decode the document of a group's day."""
    return [
        Episode(name, *(time_from_json(text) for text in (each["opened"], each["first"], each["last"])))
        for name, each in value["episodes"].items()
    ]


def episodes_to_json(episodes: Iterable[Episode]) -> dict[str, Any]:
    """Encode a group's day. Bounded: of more than 1,000 episodes the oldest no longer accept late signals."""
    kept = sorted(episodes, key=lambda each: (each.last, each.alert_id))[-_EPISODES_PER_DAY:]
    return {
        "episodes": {
            each.alert_id: {
                "opened": time_to_json(each.opened),
                "first": time_to_json(each.first),
                "last": time_to_json(each.last),
            }
            for each in kept
        }
    }


def _shift(moment: datetime, days: int) -> datetime:
    """The moment some days away, or itself where the calendar ends (an event may claim the year 1 or 9999)."""
    try:
        return moment + timedelta(days=days)
    except OverflowError:
        return moment


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
