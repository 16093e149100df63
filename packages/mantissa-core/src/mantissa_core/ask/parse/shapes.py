"""Shapes of questions that are told by how they are built, not by their words alone: each makes a plan, or none."""

from __future__ import annotations

from collections.abc import Callable

from mantissa_core.ask.plan import Plan

from .context import Context
from .sequences import sequence
from .shares import beside, share
from .silences import silence

SHAPES: tuple[Callable[[str, Context], Plan | None], ...] = (silence, sequence, share, beside)
"""In the order in which they are tried."""
