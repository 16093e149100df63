"""What an e-mail about an alert says: in which order, how much of it, and nothing that a mail program would obey."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from mantissa_core.alert.next_steps import next_steps
from mantissa_core.alert.notes import notes
from mantissa_core.alert.plain import inert
from mantissa_core.alert.progress import progress
from mantissa_core.alert.story import story
from mantissa_core.model.alert import Alert, Delivery

Lines = Sequence[tuple[str, str]]
"""Labels and texts."""

_SUMMARY, _ANSWER, _VALUE = 400, 500, 300
"""Characters."""
_EVENTS, _FIELDS = 3, 10


@dataclass(frozen=True, slots=True)
class Letter:
    """The parts in the order of reading. Their texts are plain: each form escapes them for itself."""

    severity: str
    status: str
    """What became of the alert; empty for a new one."""
    summary: str
    answers: Lines
    """Who, what, when, where, why, how."""
    facts: Lines
    """The rule, the number of matches, tags, and what is not in the message."""
    events: Sequence[Lines]
    """The telling fields of some of the matching events."""
    more: str
    """What of the evidence was left out; empty where nothing was."""
    steps: Sequence[str]
    """Commands."""
    foot: str


def letter(delivery: Delivery) -> Letter:
    """Compose the letter about an alert."""
    alert = delivery.alert
    return Letter(
        severity=alert.severity.value,
        status=_shown(progress(delivery), _ANSWER),
        summary=_shown(alert.summary, _SUMMARY),
        answers=[(name.capitalize(), _shown(text, _ANSWER)) for name, text in story(alert).lines()],
        facts=[(name, _shown(text, _ANSWER)) for name, text in _facts(alert)],
        events=[_event(each) for each in alert.evidence[:_EVENTS]],
        more=_more(alert),
        steps=list(next_steps(alert).values()),
        foot=_shown(f"Alert {alert.id}, sent by Mantissa Log", _ANSWER),
    )


def _facts(alert: Alert) -> list[tuple[str, str]]:
    return [
        ("Matches", f"{alert.count:,}"),
        ("Rule", f"{alert.rule_name} ({alert.rule_id})"),
        *([("Tags", ", ".join(alert.tags))] if alert.tags else []),
        *((name.capitalize(), text) for name, text in notes(alert)),
    ]


def _event(fields: object) -> Lines:
    items = list(fields.items()) if isinstance(fields, dict) else []
    lines = [(_shown(str(name), _VALUE), _shown(_text(value), _VALUE)) for name, value in items[:_FIELDS]]
    left = len(items) - _FIELDS
    return [*lines, ("…", f"{left} more")] if left > 0 else lines


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _more(alert: Alert) -> str:
    left = alert.count - len(alert.evidence[:_EVENTS])
    return f"and {left:,} more event{'s' if left > 1 else ''}" if alert.evidence and left > 0 else ""


def _shown(text: str, limit: int) -> str:
    """Cut first: what is left is short, however long the text was."""
    return inert(text if len(text) <= limit else f"{text[: limit - 1]}…")
