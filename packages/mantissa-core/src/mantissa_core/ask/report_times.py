"""When a report is made: a cron expression over somebody's own clock, summer time included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from mantissa_core.cron import Cron, parse_cron
from mantissa_core.errors import QueryError, RuleError

_STEP = timedelta(microseconds=1)
_TRIES = 200
"""A zone's clock is never put forward by more than a few hours: so many times of a minute can fall into the gap."""


@dataclass(frozen=True, slots=True)
class ReportTimes:
    """A cron expression whose hours are those of a time zone.

    An hour that the clock leaves out in spring comes when the clock has passed it; one that it shows twice comes once,
    the first time.
    """

    cron: Cron
    zone: ZoneInfo

    @classmethod
    def of(cls, cron: str, zone: str) -> ReportTimes:
        """From the texts.

        Raises:
            QueryError: one of them is none.
        """
        try:
            parsed = parse_cron(cron)
        except RuleError as error:
            raise QueryError(f"{cron!r} is no cron expression: {error}") from None
        try:
            return cls(parsed, ZoneInfo(zone))
        except (KeyError, ValueError, OSError):
            raise QueryError(f"there is no time zone {zone!r} (an example: Europe/Berlin)") from None

    def latest(self, moment: datetime) -> datetime | None:
        """The last time that is not later than ``moment``, in UTC."""
        wall = self._wall(moment)
        for _ in range(_TRIES):
            found = self.cron.latest(wall)
            if found is None or (at := self._instant(found)) <= moment:
                return at if found else None
            wall = found - _STEP
        return None

    def after(self, moment: datetime) -> datetime | None:
        """The first time later than ``moment``, in UTC."""
        wall = self._wall(moment)
        for _ in range(_TRIES):
            found = self.cron.after(wall)
            if found is None or (at := self._instant(found)) > moment:
                return at if found else None
            wall = found
        return None

    def _wall(self, moment: datetime) -> datetime:
        """What the clock on the wall shows, as the expression reads it."""
        return moment.astimezone(self.zone).replace(tzinfo=UTC, fold=0)

    def _instant(self, wall: datetime) -> datetime:
        return wall.replace(tzinfo=self.zone).astimezone(UTC)
