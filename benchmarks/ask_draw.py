"""What the events of every source are drawn from: people, addresses, countries, moments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

Event = dict[str, Any]
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 20
NOW = datetime(2026, 1, 20, 18, tzinfo=UTC)
"""When the questions are asked: what comes later no answer may have."""
PEOPLE = ("amara", "lin", "noor", "hazel", "rowan", "ivy", "basil")
QUIET = ("sage", "moss", "fern")
"""Those who come back after a long silence."""
ADDRESS = {name: f"198.51.100.{10 + number}" for number, name in enumerate((*PEOPLE, *QUIET))}
STRANGE = ("203.0.113.40", "203.0.113.60", "203.0.113.90")
COUNTRIES = {**dict.fromkeys((*PEOPLE, *QUIET), "NL"), "ivy": "GB", "basil": "PT"}
NAMES = {
    "NL": "Netherlands",
    "GB": "United Kingdom",
    "PT": "Portugal",
    "US": "United States",
    "BR": "Brazil",
    "RU": "Russia",
}


def at(moment: str) -> datetime:
    """``20T10:00`` in January 2026, or a date with its month: ``2025-10-03T09:00``."""
    return datetime.fromisoformat(moment if len(moment) > 8 else f"2026-01-{moment}").replace(tzinfo=UTC)


def moments(draw: Random, count: int) -> list[datetime]:
    """Moments of the weeks in their order, all by day, some of them after the questions' now."""
    days = (FIRST + timedelta(days=draw.randrange(DAYS)) for _ in range(count))
    return sorted(day + timedelta(seconds=draw.randrange(6 * 3600, 22 * 3600)) for day in days)


def echoed(draw: Random, told: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The told events, each with its moment and somebody first, and beside some of them the same at other times.

    An echo comes after ``NOW``, on another day of the weeks or in the year before, and may be somebody else's: what
    forgets the period or the person is wrong by a row.
    """
    for when, who, *rest in told:
        yield at(when), who, *rest
        for first, hours in ((NOW, 5), (FIRST, 24 * (DAYS - 1)), (FIRST - timedelta(days=60), 24 * 55)):
            if draw.random() < 0.4 and who not in QUIET:
                moment = first + timedelta(seconds=draw.randrange(3600 * hours))
                yield moment, draw.choice(PEOPLE) if who in PEOPLE else who, *rest


def iso(moment: datetime) -> str:
    """As most vendors write it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def mail(name: str) -> str:
    """Somebody's address."""
    return f"{name}@example.com"
