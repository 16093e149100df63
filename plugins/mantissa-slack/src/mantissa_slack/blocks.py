"""An alert as Slack's Block Kit: https://docs.slack.dev/reference/block-kit/blocks.

Everything that comes from a log is escaped, so that it is neither a link, nor a mention, nor markup that Slack parses:
https://docs.slack.dev/messaging/formatting-message-text#escaping
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mantissa_core.alert.links import technique_links
from mantissa_core.alert.next_steps import next_steps
from mantissa_core.alert.notes import notes
from mantissa_core.alert.plain import inert, plain
from mantissa_core.alert.progress import progress, status_of
from mantissa_core.alert.story import story
from mantissa_core.model import Alert, Delivery, Severity

HEADER, SECTION, CONTEXT = 150, 3000, 2000
"""Characters that a header, a section and an element of a context may have."""
_ANSWER = 600
"""Characters of one of the six answers: whoever reads on a telephone reads no more."""
_SUMMARY = 500
_FACTS = 8
COLOURS: Mapping[Severity, str] = {
    Severity.CRITICAL: "#b3001b",
    Severity.HIGH: "#e0531d",
    Severity.MEDIUM: "#d9a400",
    Severity.LOW: "#2f7ed8",
    Severity.INFORMATIONAL: "#8a8f98",
}
_MARKS = {
    Severity.CRITICAL: "🔴",
    Severity.HIGH: "🟠",
    Severity.MEDIUM: "🟡",
    Severity.LOW: "🔵",
    Severity.INFORMATIONAL: "⚪",
}


def message(delivery: Delivery) -> dict[str, Any]:
    """``text`` for notifications, and the alert as an attachment with the severity's colour."""
    alert = delivery.alert
    return {
        "text": _cut(escaped(f"{alert.severity.value.upper()}: {inert(alert.summary[:SECTION])}"), SECTION),
        "attachments": [{"color": COLOURS[alert.severity], "blocks": blocks(delivery)}],
    }


def blocks(delivery: Delivery) -> list[dict[str, Any]]:
    """What happened, the six answers, the telling fields, what to type to see more, what is not there and why."""
    alert = delivery.alert
    parts = [
        {"type": "header", "text": {"type": "plain_text", "text": _head(delivery), "emoji": True}},
        _section(f"*{escaped(_cut(alert.summary, _SUMMARY))}*"),
        _section("\n".join(f"*{name.capitalize()}*  {_answer(text)}" for name, text in story(alert).lines())),
    ]
    if facts := _facts(alert):
        parts.append(_section(facts))
    if steps := next_steps(alert):
        parts.append(_section(_code("\n".join(steps.values()))))
    parts.append({"type": "context", "elements": [_mrkdwn(text, CONTEXT) for text in (_foot(alert), *_notes(alert))]})
    return parts


def step(delivery: Delivery) -> str:
    """What became of an alert, for its thread."""
    return escaped(progress(delivery))


def escaped(text: str) -> str:
    """The text as text: no entity, no markup that begins with ``<``, no code block, nothing that steers a terminal."""
    return _entities(plain(text).replace("`", "'"))


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _head(delivery: Delivery) -> str:
    alert = delivery.alert
    status = "" if delivery.event == "opened" else f" – {status_of(delivery).lower()}"
    return _cut(
        f"{_MARKS[alert.severity]} {alert.severity.value.capitalize()}: {plain(alert.rule_name)}{status}", HEADER
    )


def _answer(text: str) -> str:
    return escaped(_cut(text, _ANSWER))


def _facts(alert: Alert) -> str:
    """The first event's fields."""
    first = next(iter(alert.evidence), {})
    lines = [f"{name}: {_value(value)}" for name, value in list(first.items())[:_FACTS]]
    return _code("\n".join(_cut(plain(line), 200) for line in lines))


def _code(text: str) -> str:
    """As code: a backquote would end it."""
    inside = _entities(text.replace("`", "'"))
    return f"```{inside}```" if text else ""


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _foot(alert: Alert) -> str:
    found = f"{alert.count:,} match{'es' if alert.count != 1 else ''} found"
    links = [f"<{address}|{name}>" for name, address in technique_links(alert)]
    return " · ".join([found, f"rule {escaped(_cut(alert.rule_id, 200))}", *links, f"alert {escaped(alert.id)}"])


def _notes(alert: Alert) -> list[str]:
    return [f"*{name.capitalize()}*  {escaped(_cut(text, _ANSWER))}" for name, text in notes(alert)]


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text, SECTION)}


def _mrkdwn(text: str, limit: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": _cut(text, limit), "verbatim": True}


def _cut(text: str, limit: int) -> str:
    """At most ``limit`` characters. An entity that is cut in two is dropped, an open code block closed."""
    if len(text) <= limit:
        return text
    code = text.startswith("```")
    kept = text[: limit - (4 if code else 1)]
    if "&" in kept[-5:] and ";" not in kept[kept.rindex("&") :]:
        kept = kept[: kept.rindex("&")]
    return kept + ("…```" if code else "…")
