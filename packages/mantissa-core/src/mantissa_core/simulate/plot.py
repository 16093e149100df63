"""Writing a story into the logs: events at minutes after its start, and what should come of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from . import cloudtrail, okta
from .cloudtrail import Api, Caller
from .company import REGION, Company, Place
from .draw import Draw
from .truth import CLOUDTRAIL, OKTA, Attack, Logged, Lookalike, cloudtrail_line, okta_line


class Plot:
    """The events of one attack, or of a day's harmless oddities, in the order in which they are told."""

    def __init__(self, draw: Draw, company: Company, start: datetime) -> None:
        self.draw = draw
        self.company = company
        self.start = start
        self.lines: dict[str, list[Logged]] = {CLOUDTRAIL: [], OKTA: []}
        self.lookalikes: list[Lookalike] = []
        self._expected: defaultdict[str, list[str]] = defaultdict(list)

    def aws(self, minute: float, caller: Caller, api: Api, *alerts: str, error: str = "") -> str:
        """An API call. ``alerts`` names the rules that must match it. Returns the event's id."""
        when = self.at(minute)
        denied = (error, f"User: {caller.identity['arn']} is not authorized to perform: {api.service}:{api.name}")
        record = cloudtrail.event(self.draw, caller, when, REGION, api, denied if error else None)
        return self._add(CLOUDTRAIL, cloudtrail_line(when, record), alerts)

    def console(self, minute: float, caller: Caller, *alerts: str, mfa: bool) -> str:
        """A sign-in to the AWS console."""
        when = self.at(minute)
        return self._add(
            CLOUDTRAIL, cloudtrail_line(when, cloudtrail.console_login(self.draw, caller, when, mfa)), alerts
        )

    def okta(
        self,
        minute: float,
        session: okta.Session,
        kind: str,
        targets: Sequence[okta.Entity] = (),
        *alerts: str,
        **details: Any,
    ) -> str:
        """An event at Okta. ``details`` are those of :func:`okta.event`."""
        when = self.at(minute)
        record = okta.event(self.draw, session, when, kind, targets, **details)
        return self._add(OKTA, okta_line(when, record), alerts)

    def harmless(self, title: str, log_type: str, event_id: str, rule: str | None = None) -> None:
        """Note that an event only looks like an attack."""
        self.lookalikes.append(Lookalike(title, log_type, event_id, rule))

    def attack(self, slug: str, title: str, story: str, techniques: tuple[str, ...]) -> Attack:
        """The truth about what was told so far."""
        lines = [line for lines in self.lines.values() for line in lines]
        return Attack(
            id=slug,
            title=title,
            story=story,
            techniques=techniques,
            start=min(line.time for line in lines),
            end=max(line.time for line in lines),
            events={kind: tuple(line.id for line in lines) for kind, lines in self.lines.items() if lines},
            expected={rule: tuple(ids) for rule, ids in self._expected.items()},
        )

    def at(self, minute: float) -> datetime:
        """The moment ``minute`` minutes after the start, to the second, a little early or late."""
        return self.start + timedelta(seconds=int(minute * 60 + self.draw.randrange(20)))

    def _add(self, log_type: str, line: Logged, alerts: Sequence[str]) -> str:
        self.lines[log_type].append(line)
        for rule in alerts:
            self._expected[rule].append(line.id)
        return line.id


def hideout(draw: Draw, proxy: bool = True) -> Place:
    """Where an attacker comes from."""
    address = f"203.0.113.{draw.randrange(20, 240)}"
    return Place(address, "Elsewhere", "", "Nowhere", "00000", 0.0, 0.0, 64510, "example hosting", proxy)
