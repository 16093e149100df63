"""A response: what would be done, what was done, and how to take it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Action:
    """A call of a response action. ``key`` is the same for every attempt at the same effect."""

    name: str
    arguments: Mapping[str, Any]
    key: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What the action would do, in words and as data, without having done anything.

    ``reversible`` says whether ``undo_action`` can restore the state before. ``target`` is the thing acted on.
    """

    summary: str
    target: str
    reversible: bool
    steps: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a look at the target says: whether the action's effect is in place, and the state around it.

    ``unknown`` is an honest answer where the target cannot be asked.
    """

    state: Literal["present", "absent", "unknown"]
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done. ``undo`` holds what ``undo_action`` needs, and no secret: it is stored."""

    changed: bool
    summary: str
    undo: Mapping[str, Any] | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
