"""An alert as the fields of an issue, and what became of it as a comment."""

from __future__ import annotations

from mantissa_core.alert.fold import cut
from mantissa_core.alert.plain import plain
from mantissa_core.alert.story import story
from mantissa_core.model import Alert

from .adf import Node, code_block, document, heading, paragraph, table, text

SUMMARY = 255
"""Characters of a summary, which is one line."""
TEXT = 32_767
"""Characters of a description or a comment. Whether Jira counts those of the text or of its JSON is not documented:
all bounds below together keep the JSON below it, whatever the characters are."""
_HEAD, _ANSWER = 1000, 600
_FACTS, _FACT = 20, 300


def label(alert: Alert) -> str:
    """By this label the alert's issue is found again."""
    return f"mantissa-{alert.id}"


def summary(alert: Alert) -> str:
    """How bad and what, on one line. Jira counts UTF-16 units: an emoji is two."""
    line = _short(f"[{_severity(alert)}] {alert.summary or alert.rule_name}", SUMMARY)
    while len(line.encode("utf-16-le")) // 2 > SUMMARY:
        line = cut(line, len(line) - 1)
    return line


def description(alert: Alert) -> Node:
    """What happened, the six answers, the first event, and what to type to see more."""
    parts = [paragraph(text(_short(alert.summary or alert.rule_name, _HEAD), "strong")), _answers(alert)]
    if facts := _facts(alert):
        parts += [heading("First event"), code_block(facts)]
    return document(*parts, _foot(alert))


def comment(alert: Alert) -> Node:
    """What became of the alert; where it goes on, as it is now."""
    changed = f", {alert.changed:%Y-%m-%d %H:%M:%S} UTC" if alert.changed else ""
    by = f" by {_short(alert.changed_by, _ANSWER)}" if alert.changed_by else ""
    head = paragraph(text(_status(alert), "strong"), text(f"{by}{changed} · {_matches(alert)}"))
    return document(head, *([_answers(alert)] if alert.status == "open" else []))


def _answers(alert: Alert) -> Node:
    rows = [(name.capitalize(), _short(answer, _ANSWER)) for name, answer in story(alert).lines()]
    return table([("Severity", _severity(alert)), *rows])


def _facts(alert: Alert) -> str:
    """The first event's telling fields, a line each."""
    first = next(iter(alert.evidence), {})
    return "\n".join(_short(f"{name}: {value}", _FACT) for name, value in list(first.items())[:_FACTS])


def _foot(alert: Alert) -> Node:
    return paragraph(
        text(f"{_matches(alert)} · rule {_short(alert.rule_id, _FACT)} · "),
        text(f"mantissa alerts show {alert.id}", "code"),
    )


def _matches(alert: Alert) -> str:
    return f"{alert.count} match{'es' if alert.count != 1 else ''} found"


def _severity(alert: Alert) -> str:
    return alert.severity.value.capitalize()


def _status(alert: Alert) -> str:
    """Of an alert whose status nobody changed yet people are reminded."""
    if alert.status == "open":
        return "Reopened" if alert.changed else "Still open"
    return alert.status.capitalize()


def _short(value: str, limit: int) -> str:
    """On one line, without what a reader cannot see; spelling that out makes it longer, so it is cut afterwards."""
    return cut(plain(value[: limit + 1]), limit)
