"""What comes of reading a question."""

from __future__ import annotations

from dataclasses import dataclass

from mantissa_core.ask.plan import Plan


@dataclass(frozen=True, slots=True)
class Understood:
    """The plan, in plain words what it does, and what the question left open."""

    plan: Plan
    explanation: str
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Abstained:
    """Why there is no answer, and the nearest questions that have one."""

    reason: str
    suggestions: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Words that mean nothing to the parser."""
    sources: tuple[str, ...] = ()
    """Tables of which the question must name one."""
