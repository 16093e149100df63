"""Which transition brings an issue where its alert is. Every project has a workflow of its own.

Reference: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-get
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .answers import Status, Transition

DONE = "done"
_BACK = ("new", "indeterminate")
"""Categories of the statuses of work that is not done; the first one that can be reached."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A status by its name, or any that says done (or not done)."""

    done: bool
    name: str = ""

    def reached(self, status: Status) -> bool:
        """Whether the issue is there."""
        return _same(status, self.name) if self.name else (status.category == DONE) is self.done


@dataclass(frozen=True, slots=True)
class Step:
    """A transition and the fields that it wants."""

    id: str
    fields: Mapping[str, Any]


def step(transitions: Iterable[Transition], goal: Goal, resolution: str) -> Step | None:
    """The transition to take; ``None`` where none leads there, or wants what nobody told us."""
    known = list(transitions)
    if goal.name:
        fitting = [each for each in known if _same(each.to, goal.name)]
    else:
        wanted = (DONE,) if goal.done else _BACK
        fitting = [each for category in wanted for each in known if each.to.category == category]
    for each in fitting:
        if (fields := _filled(each, resolution)) is not None:
            return Step(each.id, fields)
    return None


def _filled(transition: Transition, resolution: str) -> dict[str, Any] | None:
    """The required fields with values: a resolution can be chosen, anything else cannot."""
    if not transition.required:
        return {}
    allowed = transition.resolutions
    if transition.required != {"resolution"} or not allowed:
        return None
    chosen = next((each for each in allowed if each.casefold() == resolution.casefold()), allowed[0])
    return {"resolution": {"name": chosen}}


def _same(status: Status, name: str) -> bool:
    return status.name.casefold() == name.casefold()
