"""ATT&CK as rules name it in their tags: ``attack.persistence``, ``attack.t1098.001``."""

from __future__ import annotations

import re
from collections.abc import Iterable

TACTICS = (
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "stealth",
    "defense-impairment",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
)
"""The tactics of ATT&CK for Enterprise in the matrix's order. Version 19 made two of ``defense-evasion``.

https://attack.mitre.org/tactics/enterprise/
"""

_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)
_OTHER = re.compile(r"attack\.[gs]\d{4}|attack\.(?:ds|m|c)\d{4}", re.IGNORECASE)


def techniques(tags: Iterable[str]) -> tuple[str, ...]:
    """The techniques and sub-techniques that the tags name: ``T1098.001``."""
    found = (_TECHNIQUE.fullmatch(tag) for tag in tags)
    return tuple(dict.fromkeys(each[1].upper() for each in found if each))


def tactics(tags: Iterable[str]) -> tuple[str, ...]:
    """The tactics that the tags name, in the matrix's order."""
    named = {tag.lower().removeprefix("attack.").replace("_", "-") for tag in tags if tag.lower().startswith("attack.")}
    return tuple(each for each in TACTICS if each in named)


def unknown_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags in the namespace ``attack`` that name no tactic and have no technique's, group's or software's form."""
    return tuple(
        tag
        for tag in tags
        if tag.lower().startswith("attack.") and not (techniques([tag]) or tactics([tag]) or _OTHER.fullmatch(tag))
    )
