"""A span of time that a question is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

Kind = Literal["relative", "calendar", "absolute", "default"]
"""Counted back from now; a unit of the calendar; dates by name; not said, so assumed."""


@dataclass(frozen=True, slots=True)
class Window:
    """``lo <= time < hi``, both in UTC. ``text`` is what the question said, ``zone`` whose days and hours are meant."""

    lo: datetime
    hi: datetime
    text: str
    kind: Kind
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if not (self.lo.tzinfo is self.hi.tzinfo is UTC and self.lo <= self.hi):
            raise ValueError(f"no span of UTC: {self.lo} to {self.hi}")

    def before(self) -> Window:
        """The span of the same length that ends where this one begins."""
        return Window(self.lo - (self.hi - self.lo), self.lo, f"before {self.text}", self.kind, self.zone)

    def told(self) -> str:
        """For people: ``2026-11-20 00:00 to 2026-11-21 00:00 UTC``, in the zone's hours too where it is another."""
        own = f"{self.lo:%Y-%m-%d %H:%M} to {self.hi:%Y-%m-%d %H:%M} UTC"
        if self.zone == "UTC":
            return own
        zone = ZoneInfo(self.zone)
        lo, hi = self.lo.astimezone(zone), self.hi.astimezone(zone)
        return f"{own} ({lo:%Y-%m-%d %H:%M} to {hi:%Y-%m-%d %H:%M} {self.zone})"
