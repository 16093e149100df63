"""A bounded query and how far it has been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from mantissa_core.model import Window


@dataclass(frozen=True, slots=True)
class Walk:
    """Events published in ``since <= t < until``, from the cursor ``after`` on (``None``: from the first)."""

    since: datetime
    until: datetime
    after: str | None = None

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> Self | None:
        """The unfinished walk that a page left, if any."""
        since, until, after = (state.get(key) for key in ("since", "until", "after"))
        if not (isinstance(since, str) and isinstance(until, str) and isinstance(after, str)):
            return None
        return cls(datetime.fromisoformat(since), datetime.fromisoformat(until), after)

    def to_state(self) -> dict[str, str]:
        """The walk as JSON; the cursor stays text, it may be a number that no double can hold."""
        return {"since": self.since.isoformat(), "until": self.until.isoformat(), "after": self.after or ""}

    def at(self, after: str) -> Self:
        """The same walk, further on."""
        return replace(self, after=after)

    def restarted(self) -> Self:
        """The same walk from its beginning."""
        return replace(self, after=None)

    def parameters(self) -> dict[str, str]:
        """The query's parameters."""
        bounds = {"since": _timestamp(self.since), "until": _timestamp(self.until)}
        return bounds if self.after is None else {**bounds, "after": self.after}


def plan(window: Window, state: Mapping[str, object], overlap: timedelta) -> list[Walk]:
    """Say what is to be read: the rest of an unfinished walk where it belongs to ``window``, then what follows it.

    An unfinished walk helps where it began no later than the window and ended inside it. What was published more
    than ``overlap`` before its end had appeared when it began, so only what follows that moment is asked for anew.
    """
    since, until = _floor(window.start), _floor(window.end)
    rest = Walk.from_state(state)
    if rest is None or not rest.since <= since <= rest.until <= until:
        return [Walk(since, until)]
    if rest.until == until:
        return [rest]
    return [rest, Walk(max(since, _floor(rest.until - overlap)), until)]


def _floor(moment: datetime) -> datetime:
    """Cut down to the milliseconds that Okta keeps: the fraction cut off is read with the next window."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
