"""What comes of reading a question."""

from __future__ import annotations

from dataclasses import dataclass

from mantissa_core.ask.plan import Plan
from mantissa_core.ask.usage import Usage


@dataclass(frozen=True, slots=True)
class Understood:
    """The plan, in plain words what it does, and what the question left open."""

    plan: Plan
    explanation: str
    assumptions: tuple[str, ...] = ()
    usage: Usage | None = None
    """Of the language model that was asked, if one was."""


@dataclass(frozen=True, slots=True)
class Abstained:
    """Why there is no answer, and the nearest questions that have one."""

    reason: str
    suggestions: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Words that mean nothing to the parser."""
    sources: tuple[str, ...] = ()
    """Tables of which the question must name one."""
    usage: Usage | None = None
    """Of the language model that was asked, if one was."""
