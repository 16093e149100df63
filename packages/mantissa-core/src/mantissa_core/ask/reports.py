"""Reports: saved questions that are asked at times, and to whom the answers go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from mantissa_core.errors import QueryError
from mantissa_core.model import Document, Put
from mantissa_core.state import State
from mantissa_core.state.audit import entry

from .cache import PARTITION
from .report_times import ReportTimes
from .saved import SavedQuestions, report_key

MOST = 100
"""Reports of one user."""


@dataclass(frozen=True, slots=True)
class Report:
    """When a user's saved question is asked, and the sinks that are told.

    ``allowed`` are the tables that the user might see when it was scheduled; None means all.
    """

    user: str
    name: str
    cron: str
    zone: str
    to: tuple[str, ...]
    allowed: tuple[str, ...] | None
    since: datetime

    @property
    def key(self) -> str:
        """Tells it apart from every other report."""
        return f"{quote(self.user, safe='')}/{quote(self.name, safe='')}"

    def times(self) -> ReportTimes:
        """When it is made."""
        return ReportTimes.of(self.cron, self.zone)


class Reports:
    """The reports of every user."""

    def __init__(self, state: State, saved: SavedQuestions, clock: Callable[[], datetime]) -> None:
        self._state, self._saved, self._clock = state, saved, clock

    def schedule(
        self, user: str, name: str, cron: str, zone: str, to: Sequence[str], allowed: Collection[str] | None = None
    ) -> Report:
        """Ask a saved question at times from now on, in place of the times that it had.

        Raises:
            QueryError: the user has no such question, the expression or the zone is none, no sink is named, or the
                user has too many reports.
        """
        self._saved.get(user, name)
        times, now = ReportTimes.of(cron, zone), self._clock().astimezone(UTC)
        if times.after(now) is None:
            raise QueryError(f"{cron!r} never comes again")
        labels = tuple(dict.fromkeys(each for each in to if each))
        if not labels:
            raise QueryError("name the sinks that are told")
        if len(others := [each for each in self.of(user) if each.name != name]) >= MOST:
            raise QueryError(f"{user} has {len(others)} reports, at most {MOST} are possible")
        kept = None if allowed is None else tuple(sorted(allowed))
        report = Report(user, name, cron.strip(), times.zone.key, labels, kept, now)
        value = {
            "user": user,
            "name": name,
            "cron": report.cron,
            "zone": report.zone,
            "to": list(labels),
            "allowed": None if kept is None else list(kept),
            "since": now.isoformat(),
        }
        made = entry("question", "scheduled", user, now, name=name, cron=report.cron, zone=report.zone, to=list(labels))
        self._state.commit(PARTITION, [Put(report_key(user, name), value), made])
        return report

    def unschedule(self, user: str, name: str) -> None:
        """Ask it no more at times.

        Raises:
            QueryError: it is not scheduled.
        """
        if self.get(user, name) is None:
            raise QueryError(f"{name!r} is not scheduled")
        made = entry("question", "unscheduled", user, self._clock(), name=name)
        self._state.commit(PARTITION, [Put(report_key(user, name), None), made])

    def get(self, user: str, name: str) -> Report | None:
        """The report of a saved question, if it is scheduled."""
        found = self._state.get(PARTITION, report_key(user, name))
        return _report(found) if found else None

    def of(self, user: str) -> list[Report]:
        """A user's reports, by name."""
        return [_report(each) for each in self._state.scan(PARTITION, report_key(user, ""))]

    def all(self) -> list[Report]:
        """Everybody's."""
        return [_report(each) for each in self._state.scan(PARTITION, "report/")]


def _report(document: Document) -> Report:
    value = document.value
    allowed = value["allowed"]
    return Report(
        value["user"],
        value["name"],
        value["cron"],
        value["zone"],
        tuple(value["to"]),
        None if allowed is None else tuple(allowed),
        datetime.fromisoformat(value["since"]),
    )
