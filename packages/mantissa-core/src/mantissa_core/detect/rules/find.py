"""Rules by what they say about themselves: tags and log sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.sql_rules import SqlRule

    from .rule import Rule


def tagged(rule: Rule | Correlation | SqlRule, tag: str | None) -> bool:
    """Whether it has the tag, or one below it (``attack.t1098.001`` is below ``attack.t1098``); ``None`` is any."""
    if tag is None:
        return True
    wanted = tag.lower()
    return any(f"{each.lower()}.".startswith(f"{wanted}.") for each in rule.tags)


def reads(rule: Rule | Correlation | SqlRule, source: Mapping[str, str]) -> bool:
    """Whether its log source has these parts (``product``, ``service``, ``category``). Only Sigma rules have one."""
    if not (logsource := getattr(rule, "logsource", None)):
        return not source
    return all((getattr(logsource, part) or "").lower() == name.lower() for part, name in source.items())
