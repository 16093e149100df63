"""What is not in a message, and why: parts that were taken out, and context that nobody could give."""

from __future__ import annotations

from collections.abc import Iterator

from mantissa_core.model.alert import Alert

_REASON = 120


def notes(alert: Alert) -> Iterator[tuple[str, str]]:
    """Label and text; nothing where nothing is missing.

    Reasons are the enrichers' words: whoever shows them, escapes them.
    """
    if alert.redacted:
        counts = ", ".join(f"{kind.replace('_', ' ')} ({count})" for kind, count in sorted(alert.redacted.items()))
        yield "redacted", f"{counts}; 'alerts show' has all of it"
    if alert.unenriched:
        reasons = ", ".join(f"{label} ({_cut(reason)})" for label, reason in sorted(alert.unenriched.items()))
        yield "no context", f"from {reasons}"


def _cut(reason: str) -> str:
    return reason if len(reason) <= _REASON else f"{reason[: _REASON - 1]}…"
