"""An alert as Slack's Block Kit: https://docs.slack.dev/reference/block-kit/blocks.

Everything that comes from a log is escaped, so that it is neither a link, nor a mention, nor markup that Slack parses:
https://docs.slack.dev/messaging/formatting-message-text#escaping
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mantissa_core.alert.plain import plain
from mantissa_core.alert.story import story
from mantissa_core.model import Alert, Delivery, Severity

HEADER, SECTION, CONTEXT = 150, 3000, 2000
"""Characters that a header, a section and an element of a context may have."""
_ANSWER = 600
"""Characters of one of the six answers: whoever reads on a telephone reads no more."""
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
        "text": _cut(escaped(f"{alert.severity.value.upper()}: {alert.summary}"), SECTION),
        "attachments": [{"color": COLOURS[alert.severity], "blocks": blocks(delivery)}],
    }


def blocks(delivery: Delivery) -> list[dict[str, Any]]:
    """What happened, the six answers, the telling fields, and what to type to see more."""
    alert = delivery.alert
    parts = [
        {"type": "header", "text": {"type": "plain_text", "text": _head(delivery), "emoji": True}},
        _section(f"*{escaped(alert.summary)}*"),
        _section("\n".join(f"*{name.capitalize()}*  {_answer(text)}" for name, text in story(alert).lines())),
    ]
    if facts := _facts(alert):
        parts.append(_section(facts))
    parts.append({"type": "context", "elements": [_mrkdwn(_foot(alert), CONTEXT)]})
    return parts


def step(alert: Alert) -> str:
    """What became of an alert, for its thread."""
    by = f" by {escaped(alert.changed_by)}" if alert.changed_by else ""
    return f"{_status(alert)}{by}"


def escaped(text: str) -> str:
    """The text as text: no entity, no markup that begins with ``<``, nothing that steers a terminal."""
    return _entities(plain(text))


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _head(delivery: Delivery) -> str:
    alert = delivery.alert
    status = "" if delivery.event == "opened" else f" – {_status(alert).lower()}"
    return _cut(
        f"{_MARKS[alert.severity]} {alert.severity.value.capitalize()}: {plain(alert.rule_name)}{status}", HEADER
    )


def _status(alert: Alert) -> str:
    return "Reopened" if alert.status == "open" else alert.status.capitalize()


def _answer(text: str) -> str:
    return escaped(_cut(text, _ANSWER))


def _facts(alert: Alert) -> str:
    """The first event's fields, as code: backquotes would end it."""
    first = next(iter(alert.evidence), {})
    lines = [f"{name}: {value}" for name, value in list(first.items())[:_FACTS]]
    text = "\n".join(_cut(plain(line), 200) for line in lines).replace("`", "'")
    return f"```{_entities(text)}```" if text else ""


def _foot(alert: Alert) -> str:
    found = f"{alert.count} match{'es' if alert.count != 1 else ''} found"
    return f"{found} · rule {escaped(alert.rule_id)} · `mantissa alerts show {alert.id[:8]}`"


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
