"""Some days of the company, with attacks planted among the noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec

from . import attacks as stories
from . import lookalikes
from .clock import Clock
from .company import Company, found
from .draw import Draw
from .office import office
from .plot import Plot
from .traffic import background
from .truth import CLOUDTRAIL, OKTA, Attack, Logged, Lookalike, cloudtrail_line

OKTA_SHARE = 0.2
"""The part of all events that comes from Okta."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Logs and the truth about them. ``events`` are those of each log type, in the order of time."""

    seed: int
    start: date
    days: int
    company: Company
    events: Mapping[str, Sequence[Logged]]
    attacks: tuple[Attack, ...]
    lookalikes: tuple[Lookalike, ...]


def simulate(
    seed: int,
    day: date,
    days: int = 1,
    events: int = 30_000,
    attacks: Sequence[tuple[float, stories.Story]] = stories.ATTACKS,
) -> Scenario:
    """Simulate ``days`` days from ``day`` on, with about ``events`` events in all.

    ``attacks`` are spread over the days in their order; each is a story and the hour (UTC) at which it begins.

    Raises:
        ValueError: ``days`` is less than 1.
    """
    company = found(seed)
    clock = Clock(day, days)
    plots, truths = _attacks(seed, company, clock, attacks)
    odd = list(_lookalikes(seed, company, clock))
    lines: dict[str, list[Logged]] = {
        CLOUDTRAIL: list(_traffic(seed, company, clock, int(events * (1 - OKTA_SHARE)))),
        OKTA: office(Draw(seed, day, "office"), company, clock, int(events * OKTA_SHARE)),
    }
    for plot in (*plots, *odd):
        for log_type, told in plot.lines.items():
            lines[log_type] += told
    return Scenario(
        seed=seed,
        start=day,
        days=days,
        company=company,
        events={
            log_type: sorted(several, key=lambda line: (line.time, line.id)) for log_type, several in lines.items()
        },
        attacks=tuple(truths),
        lookalikes=tuple(each for plot in odd for each in plot.lookalikes),
    )


def cloudtrail_stream(seed: int, count: int, start: date, days: int = 1) -> Iterator[bytes]:
    """``count`` CloudTrail events as lines of NDJSON, in the order of time, without keeping them.

    Background only: no attacks. At least 1 KB each on average, with nested requests and responses.
    """
    encode = msgspec.json.Encoder().encode
    for _, event in background(Draw(seed, start, "stream"), found(seed), Clock(start, days), count):
        yield encode(event) + b"\n"


def _traffic(seed: int, company: Company, clock: Clock, count: int) -> Iterator[Logged]:
    for when, event in background(Draw(seed, clock.start, "traffic"), company, clock, count):
        yield cloudtrail_line(when, event)


def _attacks(
    seed: int, company: Company, clock: Clock, planned: Sequence[tuple[float, stories.Story]]
) -> tuple[list[Plot], list[Attack]]:
    plots, truths = [], []
    for number, (hour, story) in enumerate(planned):
        draw = Draw(seed, clock.start, story.__name__)
        begins = clock.day(number * clock.days // len(planned)) + timedelta(hours=hour, minutes=draw.randrange(20))
        plot = Plot(draw, company, begins)
        truths.append(story(plot))
        plots.append(plot)
    return plots, truths


def _lookalikes(seed: int, company: Company, clock: Clock) -> Iterator[Plot]:
    for day in range(clock.days):
        for hour, story in lookalikes.LOOKALIKES:
            plot = Plot(Draw(seed, clock.day(day), story.__name__), company, clock.day(day) + timedelta(hours=hour))
            story(plot)
            yield plot
