"""Many messages to one destination as one: how many, of which rules, the most severe by name."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from mantissa_core.model.alert import Alert
from mantissa_core.model.signal import Severity

from .codec import time_from_json
from .message import Message

NAMED = 10
"""Messages of which the alert is told."""
_RULES = 50
_FEW = 3
_OTHERS = "others"
_ID = 12
_NAMES = {"digest": "Digest of alerts", "storm": "Storm of alerts"}
_WHY = {
    "digest": "This destination hears of these alerts together.",
    "storm": "There were more alerts in this minute than this destination is told of one by one.",
}


def started(messages: Iterable[Message]) -> dict[str, Any]:
    """A summary of nothing yet. Its id is the same for the same first message, so that a repeat repeats its key."""
    first = next(iter(messages))
    hold = first.value["hold"]
    text = f"{first.key}\0{hold['due']}"
    return {
        "id": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32],
        "destination": first.destination,
        "type": first.value["type"],
        **hold,
        "events": {},
        "severities": {},
        "rules": {},
        "named": [],
        "first_seen": first.value["alert"]["first_seen"],
        "last_seen": first.value["alert"]["last_seen"],
    }


def with_more(summary: Mapping[str, Any], messages: Iterable[Message]) -> dict[str, Any]:
    """The summary with these messages counted, and the most severe of all named."""
    found = list(messages)
    alerts = [each.value["alert"] for each in found]
    named = [*summary["named"], *(_named(each) for each in found)]
    return {
        **summary,
        "events": _plus(summary["events"], (each.value["event"] for each in found)),
        "severities": _plus(summary["severities"], (each["severity"] for each in alerts)),
        "rules": _bounded(_plus(summary["rules"], (each["rule_name"] for each in alerts))),
        "named": sorted(named, key=lambda each: -Severity(each["severity"]).rank)[:NAMED],
        "first_seen": min([summary["first_seen"], *(each["first_seen"] for each in alerts)]),
        "last_seen": max([summary["last_seen"], *(each["last_seen"] for each in alerts)]),
    }


def as_alert(summary: Mapping[str, Any], now: datetime) -> Alert:
    """The summary as sinks tell alerts: ``evidence`` names the most severe by id, ``count`` is of all."""
    count = sum(summary["events"].values())
    return Alert(
        id=summary["id"],
        rule_id=f"mantissa.{summary['kind']}",
        rule_name=_NAMES[summary["kind"]],
        severity=max(map(Severity, summary["severities"]), key=lambda each: each.rank),
        summary=f"{_counted(summary)}: {_rules(summary['rules'])}",
        description=f"{_WHY[summary['kind']]} The most severe stand below after the beginnings of their ids.",
        status="open",
        count=count,
        first_seen=time_from_json(summary["first_seen"]),
        last_seen=time_from_json(summary["last_seen"]),
        created=now,
        evidence=({each["alert"]: each["text"] for each in summary["named"]},),
    )


def _named(message: Message) -> dict[str, str]:
    alert = message.value["alert"]
    status = "" if message.value["event"] == "opened" else f", now {alert['status']}"
    text = f"{alert['severity']}: {alert['summary']} ({alert['rule_name']}){status}"
    return {"alert": alert["id"][:_ID], "severity": alert["severity"], "text": text}


def _counted(summary: Mapping[str, Any]) -> str:
    """Such as ``12 alerts and 3 changes from 08:00 to 09:00 UTC``."""
    opened, changes = summary["events"].get("opened", 0), sum(summary["events"].values())
    changes -= opened
    parts = [_plural(opened, "alert")] if opened else []
    parts += [_plural(changes, "change")] if changes else []
    since, due = time_from_json(summary["since"]), time_from_json(summary["due"])
    return f"{' and '.join(parts)} from {since:%H:%M} to {due:%H:%M} UTC"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _rules(rules: Mapping[str, int]) -> str:
    most = Counter({name: count for name, count in rules.items() if name != _OTHERS}).most_common(_FEW)
    rest = sum(rules.values()) - sum(count for _, count in most)
    named = [f"{name} ({count:,})" for name, count in most]
    return ", ".join([*named, f"{rest:,} of other rules"] if rest else named)


def _plus(counts: Mapping[str, int], more: Iterable[str]) -> dict[str, int]:
    return dict(Counter(counts) + Counter(more))


def _bounded(rules: Mapping[str, int]) -> dict[str, int]:
    """The most frequent, and the rest as one."""
    kept = dict(Counter(rules).most_common(_RULES))
    rest = sum(rules.values()) - sum(kept.values())
    return _plus(kept, [_OTHERS] * rest) if rest else kept
