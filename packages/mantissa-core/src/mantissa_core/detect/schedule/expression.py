"""``rate(5 minutes)`` and ``cron(0 9 * * *)``: when a scheduled rule runs, in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from mantissa_core.cron import Cron, parse_cron
from mantissa_core.duration import LONGEST
from mantissa_core.errors import RuleError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Rate:
    """Every ``every``, counted from 1970: each process comes to the same times."""

    text: str
    every: timedelta

    def after(self, moment: datetime) -> datetime:
        """The first time later than ``moment``."""
        return self.latest(moment) + self.every

    def latest(self, moment: datetime) -> datetime:
        """The last time that is not later than ``moment``."""
        return moment.astimezone(UTC) - (moment - EPOCH) % self.every


Schedule: TypeAlias = Rate | Cron


def parse_schedule(text: str) -> Schedule:
    """Read a schedule.

    Raises:
        RuleError: it is neither a rate nor a cron expression; says what would be.
    """
    found = re.fullmatch(r"(rate|cron)\((.*)\)", text.strip(), re.DOTALL)
    if found is None:
        raise RuleError(f"found {text!r}, expected rate(5 minutes) or cron(0 9 * * *)")
    try:
        return _rate(found[2]) if found[1] == "rate" else parse_cron(found[2])
    except RuleError as error:
        raise RuleError(f"found {text!r}: {error}") from None


def _rate(text: str) -> Rate:
    found = re.fullmatch(r"\s*([1-9][0-9]{0,6})\s+(minute|hour|day)(s?)\s*", text)
    if found is None:
        raise RuleError("expected a number and minute, minutes, hour, hours, day or days")
    count, unit = int(found[1]), found[2]
    if (count == 1) is bool(found[3]):
        raise RuleError(f"expected rate({count} {unit}{'' if count == 1 else 's'})")
    every = count * _UNITS[unit]
    if every > LONGEST:
        raise RuleError(f"expected at most {LONGEST.days} days")
    return Rate(f"rate({count} {unit}{found[3]})", every)
