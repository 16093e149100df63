"""What is wrong with the sources: stopped, failing, silent, behind, late, with gaps, unreadable records or drift."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from mantissa_core.model import Severity, Signal

from .drift import Drift
from .report import StreamReport

Problem = Literal["stopped", "failing", "silent", "behind", "late", "gap", "unreadable", "drift"]

RULE = "mantissa.source_health"
"""The rule id of alerts about sources."""

FAILING_AFTER, FAILURES = timedelta(minutes=15), 3
"""A source that is unavailable is news when both are exceeded."""
QUIET, SILENT_AFTER = 3.0, timedelta(hours=1)
"""A source is silent after so many times its usual pause, and never before this long."""
BEHIND_AFTER = timedelta(hours=1)
"""How far behind the present a source may be, besides its delay and three intervals."""
DEAD_SHARE, DEAD_ENOUGH = 0.05, 100
"""Share and number of records that are no events from which on something is wrong with the source or its log type."""
DRIFT_MEMORY = timedelta(days=7)
"""How long a field that was of another type than declared counts."""

_SEVERITY: Mapping[Problem, Severity] = {
    "stopped": Severity.HIGH,
    "failing": Severity.MEDIUM,
    "silent": Severity.MEDIUM,
    "behind": Severity.MEDIUM,
    "late": Severity.LOW,
    "gap": Severity.LOW,
    "unreadable": Severity.MEDIUM,
    "drift": Severity.LOW,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of one stream. ``episode`` tells one occurrence from the next; ``detail`` says what to do."""

    label: str
    stream: str
    problem: Problem
    detail: str
    episode: str

    @property
    def severity(self) -> Severity:
        """How urgent it is."""
        return _SEVERITY[self.problem]

    def signal(self, now: datetime) -> Signal:
        """As a signal, the same one for as long as the episode lasts."""
        place = f"{self.label}/{self.stream}" if self.stream else self.label
        identity = f"{RULE}\0{self.problem}\0{place}\0{self.episode}"
        return Signal(
            id=hashlib.sha256(identity.encode()).hexdigest()[:32],
            rule_id=RULE,
            rule_name=f"Source {self.problem}",
            severity=self.severity,
            summary=f"{place}: {self.detail}",
            time=now,
            table="",
            event_ids=(),
            tags=("mantissa.health",),
            group={"source": self.label, "stream": self.stream, "problem": self.problem},
        )


def findings(report: StreamReport, now: datetime, every: float) -> Iterator[Finding]:
    """What is wrong with one stream that is read each ``every`` seconds."""
    yield from _attempt(report, now)
    if not report.attempt.failing:
        yield from _silence(report, now)
        yield from _behind(report, now, every)
    figures = report.figures
    if report.too_late:
        minutes = f"{figures.late / 60:.0f} min"
        overlap = f"{report.overlap.total_seconds() / 60:.0f} min"
        detail = f"events come {minutes} late, the overlap is {overlap}: make it longer, or some may be missed"
        yield Finding(report.label, report.stream, "late", detail, f"{figures.late_at}")
    if report.gaps:
        newest = report.gaps[-1]
        detail = f"{len(report.gaps)} unread since {report.gaps[0].start:%Y-%m-%d %H:%M}: 'mantissa collect backfill'"
        yield Finding(report.label, report.stream, "gap", detail, newest.start.isoformat())
    if figures.dead >= DEAD_ENOUGH and figures.dead > DEAD_SHARE * (figures.rows + figures.dead):
        share = figures.dead / (figures.rows + figures.dead)
        detail = f"{share:.0%} of the records are no events of the log type: 'mantissa dead-letter list'"
        yield Finding(report.label, report.stream, "unreadable", detail, f"{now:%G-W%V}")


def drift_findings(drifts: Iterable[Drift], now: datetime) -> Iterator[Finding]:
    """Declared fields whose values were of another type lately, one finding for each source and log type."""
    fields: dict[tuple[str, str], list[str]] = {}
    for each in drifts:
        if each.kind == "type" and now - each.last <= DRIFT_MEMORY:
            fields.setdefault((each.source, each.log_type), []).append(each.path)
    for (source, log_type), paths in fields.items():
        named = ", ".join(sorted(paths)[:5]) + (", …" if len(paths) > 5 else "")
        detail = f"{log_type}: not of the declared type: {named}: 'mantissa sources drift'"
        yield Finding(source, "", "drift", detail, "\0".join(sorted(paths)))


def _attempt(report: StreamReport, now: datetime) -> Iterator[Finding]:
    attempt = report.attempt
    if not attempt.failing or attempt.since is None:
        return
    since = attempt.since.isoformat()
    if attempt.kind == "operator":
        yield Finding(report.label, report.stream, "stopped", f"needs a person: {attempt.error}", since)
    elif attempt.failures >= FAILURES and now - attempt.since >= FAILING_AFTER:
        detail = f"no success since {attempt.since:%Y-%m-%d %H:%M}: {attempt.error}"
        yield Finding(report.label, report.stream, "failing", detail, since)


def _silence(report: StreamReport, now: datetime) -> Iterator[Finding]:
    cadence, last = report.cadence(), report.figures.last_data
    if cadence is None or last is None:
        return
    if (now - last).total_seconds() > max(QUIET * cadence, SILENT_AFTER.total_seconds()):
        usual = f"{cadence / 60:.0f} min" if cadence >= 60 else f"{cadence:.0f} s"
        detail = f"no event since {last:%Y-%m-%d %H:%M}, usually one within {usual}: look whether the source still logs"
        yield Finding(report.label, report.stream, "silent", detail, last.isoformat())


def _behind(report: StreamReport, now: datetime, every: float) -> Iterator[Finding]:
    if report.reached is None:
        return
    allowed = BEHIND_AFTER + report.delay + timedelta(seconds=3 * every)
    if now - report.reached > allowed:
        detail = f"read up to {report.reached:%Y-%m-%d %H:%M} only: is 'mantissa run' running, and fast enough?"
        yield Finding(report.label, report.stream, "behind", detail, report.reached.date().isoformat())
