"""Opening an alert with a signal and folding more signals into it, within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from mantissa_core.model.alert import Alert
from mantissa_core.model.signal import Signal

from .codec import to_json
from .group import Grouping

# Together some 100 KB at worst, whatever an attacker writes into the logs: a commit of the alert and its messages
# must stay below the state store's limits.
EVENT_IDS = 100
EVIDENCE = 10
_EVIDENCE_BYTES = 4096
_TEXT = 1000
_NAME = 100
_TAGS = 50
_ENTITIES = 10
_ENTITY = 300  # an ARN fits
_CUT = "…"


def opened(alert_id: str, signal: Signal, grouping: Grouping, now: datetime) -> Alert:
    """An alert that counts nothing yet; :func:`folded` adds the signals, this one included."""
    return Alert(
        id=alert_id,
        rule_id=signal.rule_id,
        rule_name=cut(signal.rule_name),
        severity=signal.severity,
        summary=cut(signal.summary),
        description=cut(grouping.description),
        status="open",
        count=0,
        first_seen=signal.time,
        last_seen=signal.time,
        created=now,
        revision=0,
        table=signal.table,
    )


def folded(alert: Alert, signals: Iterable[Signal]) -> Alert:
    """The alert's next revision, with these signals (none of which it has counted) added."""
    members = list(signals)
    times = [alert.first_seen, alert.last_seen, *(each.time for each in members)]
    return replace(
        alert,
        count=alert.count + len(members),
        first_seen=min(times),
        last_seen=max(times),
        revision=alert.revision + 1,
        tags=_distinct([*alert.tags, *(cut(tag, _NAME) for each in members for tag in each.tags)], _TAGS),
        entities=_entities(alert.entities, members),
        event_ids=_distinct(
            [*alert.event_ids, *(cut(name, _NAME) for each in members for name in each.event_ids)], EVENT_IDS
        ),
        evidence=(*alert.evidence, *_evidence(members, EVIDENCE - len(alert.evidence))),
        rewritten={},  # it told of fewer signals
    )


def cut(text: str, limit: int = _TEXT) -> str:
    """The text, or its beginning with a mark. Lone surrogates, which no store can hold, become question marks."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= limit else text[: limit - 1] + _CUT


def _entities(known: Mapping[str, tuple[str, ...]], members: Iterable[Signal]) -> dict[str, tuple[str, ...]]:
    entities = dict(known)
    for name, value in ((cut(name, _NAME), value) for each in members for name, value in each.entities.items()):
        if name in entities or len(entities) < _ENTITIES:
            entities[name] = _distinct([*entities.get(name, ()), cut(value, _ENTITY)], _ENTITIES)
    return entities


def _evidence(members: Iterable[Signal], room: int) -> list[dict[str, Any]]:
    """The first few signals' fields, each within 4 KB: a hostile event must not fill the document."""
    return [_within_budget(each.evidence) for each in members if each.evidence][: max(room, 0)]


def _within_budget(evidence: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    left = _EVIDENCE_BYTES
    for name, value in evidence.items():
        name, value = cut(str(name), _NAME), _short(to_json(value))
        left -= len(json.dumps([name, value]))
        if left < 0:
            break
        kept[name] = value
    return kept


def _short(value: Any) -> Any:
    """A text cut to 500 characters; a list or object too large for that becomes its cut JSON text."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    shortened = cut(text, 500)
    return shortened if isinstance(value, str) or shortened != text else value


def _distinct(values: Iterable[str], limit: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))[:limit]
