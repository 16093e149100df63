"""Alerts as JSON objects, for the state store and for everybody outside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from mantissa_core.model.alert import Alert
from mantissa_core.model.signal import Severity


def alert_to_json(alert: Alert) -> dict[str, Any]:
    """Encode an alert; times become ISO 8601 texts in UTC."""
    return {
        "id": alert.id,
        "rule_id": alert.rule_id,
        "rule_name": alert.rule_name,
        "severity": alert.severity.value,
        "summary": alert.summary,
        "description": alert.description,
        "status": alert.status,
        "count": alert.count,
        "first_seen": time_to_json(alert.first_seen),
        "last_seen": time_to_json(alert.last_seen),
        "created": time_to_json(alert.created),
        "revision": alert.revision,
        "table": alert.table,
        "tags": list(alert.tags),
        "entities": {name: list(values) for name, values in alert.entities.items()},
        "event_ids": list(alert.event_ids),
        "evidence": [to_json(each) for each in alert.evidence],
        "enrichment": to_json(alert.enrichment),
        "unenriched": dict(alert.unenriched),
        "redacted": dict(alert.redacted),
        "rewritten": dict(alert.rewritten),
        "changed": time_to_json(alert.changed) if alert.changed else None,
        "changed_by": alert.changed_by,
        "muted_by": alert.muted_by,
    }


def alert_from_json(value: Mapping[str, Any]) -> Alert:
    """Decode what :func:`alert_to_json` made.

    Raises:
        KeyError: a field is missing.
        ValueError: a field holds something else.
    """
    return Alert(
        id=value["id"],
        rule_id=value["rule_id"],
        rule_name=value["rule_name"],
        severity=Severity(value["severity"]),
        summary=value["summary"],
        description=value["description"],
        status=value["status"],
        count=value["count"],
        first_seen=time_from_json(value["first_seen"]),
        last_seen=time_from_json(value["last_seen"]),
        created=time_from_json(value["created"]),
        revision=value["revision"],
        table=value["table"],
        tags=tuple(value["tags"]),
        entities={name: tuple(values) for name, values in value["entities"].items()},
        event_ids=tuple(value["event_ids"]),
        evidence=tuple(value["evidence"]),
        enrichment=value["enrichment"],
        # Alerts of earlier versions have none of these.
        unenriched=value.get("unenriched", {}),
        redacted=value.get("redacted", {}),
        rewritten=value.get("rewritten", {}),
        changed=time_from_json(value["changed"]) if value.get("changed") else None,
        changed_by=value.get("changed_by", ""),
        muted_by=value.get("muted_by", ""),
    )


def time_to_json(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds, so that the texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def time_from_json(text: str) -> datetime:
    """The moment that :func:`time_to_json` wrote."""
    return datetime.fromisoformat(text).astimezone(UTC)


def to_json(value: Any) -> Any:
    """Turn what a row or an enricher holds into JSON: times to text, bytes to hex, other objects to their text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value - value == 0 else str(value)  # JSON has neither NaN nor infinity
        case datetime():
            return time_to_json(value) if value.tzinfo else value.isoformat()
        case date():
            return value.isoformat()
        case bytes():
            return value.hex()
        case dict() | Mapping():  # dict first: it is cheaper to recognise
            return {str(name): to_json(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [to_json(each) for each in value]
    return str(value)
