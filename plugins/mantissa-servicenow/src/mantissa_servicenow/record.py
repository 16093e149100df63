"""An alert as the fields of a record, and what became of it as a work note."""

from __future__ import annotations

import re

from mantissa_core.alert.fold import cut
from mantissa_core.alert.plain import plain
from mantissa_core.alert.story import story
from mantissa_core.model import Alert

SHORT_DESCRIPTION, DESCRIPTION = 160, 4000
"""Characters that a task's fields hold; ServiceNow cuts what is longer without a mark."""
_HEAD, _ANSWER, _FACTS, _FACT = 500, 400, 20, 300
_SHOWN_BY = "Mantissa Log, revision "
_CODE = re.compile(r"\[\s*(/?)\s*code\s*\]", re.IGNORECASE)
"""What stands between these tags in a journal field is shown as HTML:
https://www.servicenow.com/docs/r/platform-security/instance-security-hardening-settings/sc-allow-embedded-html-code.html
"""


def short_description(alert: Alert) -> str:
    """How bad and what, on one line."""
    return _short(f"[{alert.severity.value.capitalize()}] {alert.summary or alert.rule_name}", SHORT_DESCRIPTION)


def description(alert: Alert) -> str:
    """What happened, the six answers, what to type to see more, the first event."""
    first = next(iter(alert.evidence), {})
    facts = [f"  {_short(f'{name}: {value}', _FACT)}" for name, value in list(first.items())[:_FACTS]]
    lines = [_short(alert.summary or alert.rule_name, _HEAD), "", *_answers(alert), "", _foot(alert)]
    return cut("\n".join([*lines, *(["", "First event", *facts] if facts else [])]), DESCRIPTION)


def work_note(alert: Alert) -> str:
    """What became of the alert; where it goes on, as it is now."""
    changed = f", {alert.changed:%Y-%m-%d %H:%M:%S} UTC" if alert.changed else ""
    by = f" by {_short(alert.changed_by, _ANSWER)}" if alert.changed_by else ""
    head = f"{_status(alert)}{by}{changed}, {_matches(alert)}"
    return cut("\n".join([head, *(["", *_answers(alert)] if alert.status == "open" else [])]), DESCRIPTION)


def revision_mark(revision: int) -> str:
    """Says in the record up to which of the alert's revisions it tells."""
    return f"{_SHOWN_BY}{revision}"


def tells_of(mark: str, alert: Alert) -> bool:
    """Whether a record with this mark tells of the alert's revision already."""
    number = mark.removeprefix(_SHOWN_BY)
    return mark.startswith(_SHOWN_BY) and number.isascii() and number.isdigit() and int(number) >= alert.revision


def _status(alert: Alert) -> str:
    """Of an alert whose status nobody changed yet people are reminded."""
    if alert.status == "open":
        return "Reopened" if alert.changed else "Still open"
    return alert.status.capitalize()


def _answers(alert: Alert) -> list[str]:
    return [f"{f'{name.capitalize()}:':<6} {_short(answer, _ANSWER)}" for name, answer in story(alert).lines()]


def _foot(alert: Alert) -> str:
    return f"{_matches(alert)}, rule {_short(alert.rule_id, _FACT)}\nmantissa alerts show {alert.id}"


def _matches(alert: Alert) -> str:
    return f"{alert.count} match{'es' if alert.count != 1 else ''} found"


def _short(value: str, limit: int) -> str:
    """On one line, without what a reader cannot see, and without tags that would begin HTML."""
    return cut(_CODE.sub(r"(\1code)", plain(value[: limit + 1])), limit)
