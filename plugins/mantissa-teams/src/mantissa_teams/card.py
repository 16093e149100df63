"""An alert as an Adaptive Card 1.4: https://learn.microsoft.com/adaptive-cards/schema-explorer/adaptive-card.

All that comes from a log stands in ``TextRun``, in which Markdown is not supported: it is shown as it is. ``TextBlock``
and ``FactSet`` would make links and lists of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mantissa_core.alert.next_steps import next_steps
from mantissa_core.alert.notes import notes
from mantissa_core.alert.plain import inert
from mantissa_core.alert.progress import progress
from mantissa_core.alert.story import story
from mantissa_core.model import Alert, Delivery, Severity

LARGEST = 20_000
"""Bytes of a message. Teams says 28 KB; clients of others were refused from 21 KB."""
_LIMITS = (500, 250, 120, 60)
"""Characters of a text: the first with which the message is small enough."""
_FIELDS = 8
STYLES: Mapping[Severity, str] = {
    Severity.CRITICAL: "attention",
    Severity.HIGH: "attention",
    Severity.MEDIUM: "warning",
    Severity.LOW: "accent",
    Severity.INFORMATIONAL: "emphasis",
}
"""Background of the head. The severity stands in it as a word, too."""


def message(delivery: Delivery) -> dict[str, Any]:
    """What a workflow of the template *Send webhook alerts to a channel* takes."""
    made = (_message(delivery, limit) for limit in _LIMITS)
    return next((each for each in made if len(encoded(each)) <= LARGEST), _message(delivery, _LIMITS[-1]))


def encoded(value: Mapping[str, Any]) -> bytes:
    """The bytes that go over the wire."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _message(delivery: Delivery, limit: int) -> dict[str, Any]:
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": _card(delivery, limit),
    }
    return {"type": "message", "attachments": [attachment]}


def _card(delivery: Delivery, limit: int) -> dict[str, Any]:
    alert = delivery.alert
    headline = _shown(alert.summary, limit)
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": f"{alert.severity.value.capitalize()} alert {alert.id}",  # Markdown: nothing from a log
        "body": [
            _head(delivery, headline, limit),
            *(_line(name, text, limit) for name, text in story(alert).lines()),
            *_separated([_line(name, text, limit) for name, text in _facts(alert)]),
            *_event(alert, limit),
            *_separated([_code(each) for each in next_steps(alert).values()]),
        ],
    }


def _head(delivery: Delivery, headline: str, limit: int) -> dict[str, Any]:
    alert = delivery.alert
    became = f"  {_shown(progress(delivery), limit)}".rstrip()
    first = [_run(alert.severity.value.upper(), weight="Bolder"), *([_run(became)] if became else [])]
    return {
        "type": "Container",
        "style": STYLES[alert.severity],
        "bleed": True,
        "items": [_text(*first), _text(_run(headline, weight="Bolder", size="Medium"), spacing="Small")],
    }


def _facts(alert: Alert) -> list[tuple[str, str]]:
    return [
        ("matches", f"{alert.count:,}"),
        ("rule", f"{alert.rule_name} ({alert.rule_id})"),
        *([("tags", ", ".join(alert.tags))] if alert.tags else []),
        *notes(alert),
    ]


def _event(alert: Alert, limit: int) -> list[dict[str, Any]]:
    """The first event's telling fields."""
    first = next(iter(alert.evidence), {})
    fields = [(_shown(str(name), 100), _shown(_value(value), limit // 2)) for name, value in first.items()]
    lines = [_text(_run(f"{name} ", isSubtle=True), _mono(value), spacing="None") for name, value in fields[:_FIELDS]]
    left = len(fields) - _FIELDS
    return _separated([*lines, *([_text(_run(f"and {left} more", isSubtle=True))] if left > 0 else [])])


def _line(name: str, text: str, limit: int) -> dict[str, Any]:
    return _text(_run(f"{name.capitalize()}  ", weight="Bolder"), _run(_shown(text, limit)), spacing="Small")


def _code(text: str) -> dict[str, Any]:
    return _text(_mono(text), spacing="Small")


def _separated(elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With a line above the first."""
    return [
        {**each, **({"separator": True, "spacing": "Medium"} if not at else {})} for at, each in enumerate(elements)
    ]


def _text(*runs: Mapping[str, Any], **look: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs), **look}


def _run(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **look}


def _mono(text: str) -> dict[str, Any]:
    return _run(text, fontType="Monospace")


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _shown(text: str, limit: int) -> str:
    """Cut, and without what a card computes: ``{{DATE(…)}}``."""
    return inert(text if len(text) <= limit else f"{text[: limit - 1]}…").replace("{{", "{ {")
