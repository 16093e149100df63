"""When each stream of one source is read next: at its interval, or after the pause that its failure asks for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic

from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Stream

SHORTEST, LONGEST = 1.0, 300.0
"""Seconds of the first and the longest pause after a failure; they double in between."""
OPERATOR, LONGEST_OPERATOR = 900.0, 21_600.0
"""Seconds of the first and the longest pause while a person must act; they double in between."""
JITTER = 0.1
"""Share of an interval by which it is longer or shorter, so that sources do not keep step."""


@dataclass(slots=True)
class _Turn:
    """When a stream is due, and how often in a row it failed, and why."""

    at: float = 0.0
    failures: int = 0
    reason: str = ""
    blocked: bool = False


class Schedule:
    """The turns of a source's streams. Seconds are those of ``clock``; a stream that is new is due at once."""

    def __init__(self, every: float, clock: Callable[[], float] = monotonic) -> None:
        self._every, self._clock = every, clock
        self._turns: dict[str, _Turn] = {}

    def due(self, streams: Iterable[Stream]) -> list[Stream]:
        """The streams whose turn it is, those that wait longest first."""
        now = self._clock()
        due = [stream for stream in streams if self._turn(stream.name).at <= now]
        return sorted(due, key=lambda stream: self._turn(stream.name).at)

    def wait(self, longest: float) -> float:
        """Seconds until the next turn, at most ``longest``."""
        now = self._clock()
        return max(0.0, min([longest, *(turn.at - now for turn in self._turns.values())]))

    def succeeded(self, name: str, *, more: bool = False) -> int:
        """The stream was read; ``more`` says that its budget ended first. Returns how often it had failed before."""
        turn = self._turn(name)
        pause = 0.0 if more else self._every * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # no secret
        failures = turn.failures
        self._turns[name] = _Turn(self._clock() + pause)
        return failures

    def failed(self, name: str, error: Exception) -> tuple[float, bool]:
        """The stream failed. Returns the seconds until it is tried again, and whether that is news."""
        turn = self._turn(name)
        turn.failures += 1
        turn.blocked = isinstance(error, NeedsOperator)
        pause = _pause(error, turn.failures)
        reason = f"{type(error).__name__}: {error}"
        news, turn.reason = reason != turn.reason, reason
        turn.at = self._clock() + pause
        return pause, news

    def keep(self, names: Iterable[str]) -> None:
        """Forget the streams that the source does not have any more."""
        known = set(names)
        self._turns = {name: turn for name, turn in self._turns.items() if name in known}

    @property
    def failing(self) -> bool:
        """Whether some stream failed at its last turn."""
        return any(turn.failures for turn in self._turns.values())

    @property
    def blocked(self) -> bool:
        """Whether some stream waits for a person."""
        return any(turn.blocked for turn in self._turns.values())

    def retry_now(self) -> None:
        """What failed is due at once: what it failed for has changed."""
        for turn in self._turns.values():
            if turn.failures:
                turn.at = self._clock()

    def _turn(self, name: str) -> _Turn:
        return self._turns.setdefault(name, _Turn(self._clock()))


def _pause(error: Exception, failures: int) -> float:
    if isinstance(error, Retry) and error.after is not None:
        return max(error.after, SHORTEST)
    doubled = 2.0 ** min(failures - 1, 10)
    if isinstance(error, NeedsOperator):
        return min(LONGEST_OPERATOR, OPERATOR * doubled)
    return float(min(LONGEST, SHORTEST * doubled) * random.uniform(0.8, 1.2))  # noqa: S311  # jitter, no secret
