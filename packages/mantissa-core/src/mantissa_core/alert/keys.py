"""Where everything about alerts stands in the state store: one partition, so that one commit can hold it all.

.. code-block:: text

    alert/<id>                                   the alert
    by-time/<newest first>/<id>                  listings: a scan gives the newest first
    by-rule/<rule>/<newest first>/<id>
    by-severity/<most urgent first>/<newest first>/<id>
    group/<group>/<day>                          the episodes of a group that opened on that day
    member/<signal>                              which alert a signal went to
    outbox/<destination>/<oldest first>/<alert>/<revision>   a message still to be delivered
    dead/<destination>/<oldest first>/<alert>/<revision>     a message that was given up
    held/<due>/<destination>/<kind>/<alert>/...  a message that is told together with others, when it is due
    summary/<due>/<destination>/<kind>           what is told of them, while they are taken together
    circuit/<destination>                        whether it is being attempted, and its last refusal
    deliveries/<alert>                           attempts and receipts
    health/<destination>/<hour>                  attempts and failures in that hour
    evaluated/<destination>                      its health when it was last evaluated, and its last test
    canary/<id>                                  a test event, and where its alert should get
    entity/<entity>/<newest first>/<alert>       alerts by the users, addresses and targets that they name
    verdict/<alert>                              the last verdict on it
    escalation/<due>/<alert>/<chain>             a step of a chain, if nobody acknowledges until then
    muted/<until>/<alert>                        an alert that nobody is told of before a maintenance window closes
    audit/...                                    who judged and changed what (see state/audit.py)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from mantissa_core.model.signal import Severity

from .codec import time_from_json, time_to_json

PARTITION = "alerts"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAR = 5 * 10**14  # milliseconds; more than the year 9999, and 15 digits whatever is taken from it


def alert(alert_id: str) -> str:
    """Key of an alert."""
    return f"alert/{alert_id}"


def member(signal_id: str) -> str:
    """Key of a signal's membership."""
    return f"member/{part(signal_id)}"


def group(group_id: str, day: str) -> str:
    """Key of a group's episodes that opened on ``day`` (YYYY-MM-DD)."""
    return f"group/{group_id}/{day}"


def message(box: str, destination: str, created: datetime, alert_id: str, revision: int) -> str:
    """Key of a message in the ``outbox`` or among the ``dead``: of a destination the oldest alert (``created``) first.

    An alert's messages stand together, in order, whatever the clock said when each was queued.
    """
    return f"{about(box, destination, created, alert_id)}{revision:08d}"


def about(box: str, destination: str, created: datetime, alert_id: str) -> str:
    """Prefix of a destination's messages about one alert."""
    age = max((created - _EPOCH) // timedelta(milliseconds=1), 0)
    return f"{messages(box, destination)}{age:015d}/{alert_id}/"


def messages(box: str, destination: str) -> str:
    """Prefix of a destination's messages in the ``outbox`` or among the ``dead``."""
    return f"{box}/{part(destination)}/"


def behind(box: str, destination: str) -> str:
    """A text behind all of a destination's messages, and before those of the next one."""
    return f"{box}/{part(destination)}0"  # the character after the slash


def circuit(destination: str) -> str:
    """Key of a destination's circuit."""
    return f"circuit/{part(destination)}"


def evaluated(destination: str) -> str:
    """Key of a destination's last evaluation."""
    return f"evaluated/{part(destination)}"


HELD = "held/"
"""Prefix of the messages that are told together."""


def held(due: str, destination: str, kind: str, alert_id: str, revision: int) -> str:
    """Key of a message that waits until ``due`` (ISO 8601, UTC)."""
    return f"{HELD}{due}/{part(destination)}/{kind}/{alert_id}/{revision:08d}"


def summary(due: str, destination: str, kind: str) -> str:
    """Key of what is told of the messages that were held until ``due``."""
    return f"summary/{due}/{part(destination)}/{kind}"


def deliveries(alert_id: str) -> str:
    """Key of what became of an alert's messages."""
    return f"deliveries/{alert_id}"


def health(destination: str, hour: str = "") -> str:
    """Key of a destination's counts in an hour (``2026-11-21T05``); without one the prefix of all hours."""
    return f"health/{part(destination)}/{hour}"


def entity(name: str, opened: datetime | None = None, alert_id: str = "") -> str:
    """Key under which an alert is listed by an entity (its hash); without the rest the prefix of them all."""
    return f"entity/{name}/{newest_first(opened)}/{alert_id}" if opened else f"entity/{name}/"


def verdict(alert_id: str) -> str:
    """Key of the last verdict on an alert."""
    return f"verdict/{alert_id}"


def escalation(due: datetime, alert_id: str, chain: str) -> str:
    """Key of the next step of a chain about an alert."""
    return f"escalation/{time_to_json(due)}/{alert_id}/{part(chain)}"


def muted(until: datetime, alert_id: str) -> str:
    """Key of an alert that waits for the end of a maintenance window."""
    return f"muted/{time_to_json(until)}/{alert_id}"


def due(key: str) -> datetime:
    """When an ``escalation`` or a ``muted`` alert is due."""
    return time_from_json(key.split("/")[1])


def listings(alert_id: str, rule_id: str, severity: Severity, opened: datetime) -> tuple[str, str, str]:
    """Keys under which an alert is listed: by time, by rule and by severity."""
    tail = f"{newest_first(opened)}/{alert_id}"
    return f"by-time/{tail}", f"{by_rule(rule_id)}{tail}", f"{by_severity(severity)}{tail}"


def by_rule(rule_id: str) -> str:
    """Prefix of a rule's alerts."""
    return f"by-rule/{part(rule_id)}/"


def by_severity(severity: Severity) -> str:
    """Prefix of a severity's alerts."""
    return f"by-severity/{len(Severity) - 1 - severity.rank}/"


def newest_first(moment: datetime) -> str:
    """A text of fixed width that sorts later moments first."""
    return f"{_FAR - (moment - _EPOCH) // timedelta(milliseconds=1):015d}"


def moment_of(text: str) -> datetime:
    """The moment, to the millisecond, of which :func:`newest_first` made the text."""
    return _EPOCH + (_FAR - int(text)) * timedelta(milliseconds=1)


def part(text: str) -> str:
    """One part of a key: whatever the text holds, it neither contains a slash nor ends the key early."""
    return quote(text, safe="") or "%"
