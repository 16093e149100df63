"""A schedule with its window: which stretch of time each run looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mantissa_core.duration import duration_text, parse_duration
from mantissa_core.errors import RuleError

from .expression import EPOCH, Schedule, parse_schedule

CATCH_UP = timedelta(days=7)
"""How far back one run looks for what others missed."""

_STEP = timedelta(microseconds=1)


@dataclass(frozen=True)
class Timing:
    """When a rule runs, and how far back it looks; without a ``window`` back to the scheduled time before."""

    schedule: Schedule
    window: timedelta | None = None

    @property
    def window_text(self) -> str:
        """The window as rules write it; empty where it is the schedule's own interval."""
        return duration_text(self.window) if self.window else ""

    @property
    def overlaps(self) -> bool:
        """Whether a run looks again at what the run before it looked at (judged by the schedule's first two runs)."""
        first = self.schedule.after(EPOCH)
        second = self.schedule.after(first) if first else None
        return first is None or second is None or self.start(second) < first

    def start(self, at: datetime) -> datetime:
        """Where the window of the run at ``at`` begins; it ends before ``at``."""
        if self.window is not None:
            return at - self.window
        return self.schedule.latest(at - _STEP) or at - CATCH_UP

    def start_after(self, at: datetime, done: datetime) -> datetime:
        """The same, but back to ``done``, the last run that succeeded, where runs in between were missed.

        A window that is shorter than the schedule's interval looks away on purpose, and is not extended. At most
        :data:`CATCH_UP` is caught up.
        """
        own = self.start(at)
        missed = self.schedule.after(done)
        if missed is None or missed >= at or self.start(missed) > done:
            return own
        return max(min(own, self.start(missed)), min(own, at - CATCH_UP))


def parse_timing(section: Mapping[str, Any]) -> Timing | None:
    """Read ``schedule_expression`` and ``window``; ``None`` where there is no schedule.

    Raises:
        RuleError: one of them is malformed; names the key.
    """
    expression, window = section.get("schedule_expression"), section.get("window")
    if expression is None:
        if window is not None:
            raise RuleError("window: without schedule_expression, expected both")
        return None
    return Timing(
        _named("schedule_expression", parse_schedule, expression),
        None if window is None else _named("window", parse_duration, window),
    )


def _named(key: str, parse: Any, value: object) -> Any:
    try:
        return parse(str(value))
    except RuleError as error:
        raise RuleError(f"{key}: {error}") from None
