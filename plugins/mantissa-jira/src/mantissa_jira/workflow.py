"""Which transition brings an issue where its alert is. Every project has a workflow of its own.

Reference: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-get
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DONE = "done"
_BACK = ("new", "indeterminate")
"""Categories of the statuses of work that is not done; the first one that can be reached."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A status by its name, or any that says done (or not done)."""

    done: bool
    name: str = ""

    def reached(self, status: Mapping[str, Any]) -> bool:
        """Whether the issue is there."""
        if self.name:
            return _same(status, self.name)
        return (_category(status) == DONE) is self.done


@dataclass(frozen=True, slots=True)
class Step:
    """A transition and the fields that it wants."""

    id: str
    fields: Mapping[str, Any]


def step(transitions: Iterable[Mapping[str, Any]], goal: Goal, resolution: str) -> Step | None:
    """The transition to take; ``None`` where none leads there, or wants what nobody told us."""
    known = list(transitions)
    if goal.name:
        fitting = [each for each in known if _same(each["to"], goal.name)]
    else:
        wanted = (DONE,) if goal.done else _BACK
        fitting = [each for category in wanted for each in known if _category(each["to"]) == category]
    for each in fitting:
        if (fields := _filled(each.get("fields") or {}, resolution)) is not None:
            return Step(str(each["id"]), fields)
    return None


def _filled(fields: Mapping[str, Any], resolution: str) -> dict[str, Any] | None:
    """The required fields with values: a resolution can be chosen, anything else cannot."""
    required = {name for name, each in fields.items() if each.get("required") and not each.get("hasDefaultValue")}
    if required - {"resolution"}:
        return None
    if not required:
        return {}
    allowed = [str(each["name"]) for each in fields["resolution"].get("allowedValues", ())]
    chosen = next((each for each in allowed if each.casefold() == resolution.casefold()), next(iter(allowed), None))
    return {"resolution": {"name": chosen}} if chosen else None


def _category(status: Mapping[str, Any]) -> str:
    return str(status.get("statusCategory", {}).get("key", ""))


def _same(status: Mapping[str, Any], name: str) -> bool:
    return str(status.get("name", "")).casefold() == name.casefold()
