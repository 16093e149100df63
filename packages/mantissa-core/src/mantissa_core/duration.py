"""Lengths of time as rules and the configuration write them: ``5m``, ``24h``, ``7d``."""

from __future__ import annotations

import re
from datetime import timedelta

from mantissa_core.errors import RuleError

LONGEST = timedelta(days=366)

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def parse_duration(text: str) -> timedelta:
    """The length that the text names.

    Raises:
        RuleError: it is none, or more than :data:`LONGEST`.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,7})([smhdw])", text.strip())
    if found is None:
        raise RuleError(f"found {text!r}, expected a number and s, m, h, d or w, such as 15m or 24h")
    length = int(found[1]) * _UNITS[found[2]]
    if length > LONGEST:
        raise RuleError(f"found {text!r}, expected at most {LONGEST.days}d")
    return length


def duration_text(length: timedelta) -> str:
    """The length in its largest whole unit: ``90m``, ``1h``, ``1d``."""
    for name in ("d", "h", "m", "s"):
        if not length % _UNITS[name]:
            return f"{length // _UNITS[name]}{name}"
    return f"{length.total_seconds():g}s"
