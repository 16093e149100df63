"""Scheduled questions: asked when their time comes, once for each time, and told to the sinks that they name."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .alert.report import SHOWN, Told, hand_out
from .ask.answer import Answer
from .ask.cache import as_of
from .detect.schedule.runs import Outcome, Run, Runs
from .errors import QueryError
from .log import get_logger

if TYPE_CHECKING:
    from .ask.reports import Report
    from .runtime import Runtime

RUNS = "report-runs"
"""The state partition of what became of each report."""
_MISSED = 100

_log = get_logger("reports")


@dataclass(frozen=True, slots=True)
class ReportState:
    """A report, when it is made next, and what came of the last time."""

    report: Report
    next: datetime | None
    run: Run | None


def run_due(runtime: Runtime) -> int:
    """Make the reports whose time has come; return how many were told.

    What was missed while nothing ran is made once, as of the latest time, and says so. A report that fails is recorded
    and logged, and made again at its next time.
    """
    runs, told = Runs(runtime.state, RUNS), 0
    for report in runtime.asker.reports.all():
        if (run := runs.get(report.key)) is None or datetime.fromisoformat(run.reached) < report.since:
            runs.begin(report.key, report.since)
            run = runs.get(report.key)
        now = runtime.clock().astimezone(UTC)
        at = report.times().latest(now)
        if at is None or run is None or at <= datetime.fromisoformat(run.reached):
            continue
        if token := runs.claim(report.key, at, now):
            told += _made(runtime, runs, report, at, token, _missed(report, run, at))
    return told


def states(runtime: Runtime, user: str | None = None) -> list[ReportState]:
    """The reports, those of one user or all, with their next time and their last run."""
    now, runs = runtime.clock().astimezone(UTC), Runs(runtime.state, RUNS)
    reports = runtime.asker.reports.all() if user is None else runtime.asker.reports.of(user)
    return [ReportState(each, each.times().after(now), runs.get(each.key)) for each in reports]


def _made(runtime: Runtime, runs: Runs, report: Report, at: datetime, token: str, missed: int) -> bool:
    started, rows, error, told = time.monotonic(), 0, "", False
    try:
        answer = _answer(runtime, report, at)
        rows = answer.statistics.result_count if answer.statistics else 0
        told = _tell(runtime, report, answer, at, missed)
        if gone := sorted(set(report.to) - set(runtime.destinations())):
            error = f"no sink {', '.join(gone)}: it is not configured, or not enabled"
    except Exception as problem:  # noqa: BLE001  # recorded with the report; the others go on
        error = f"{type(problem).__name__}: {problem}"
    if error:
        _log.warning("report failed", report=report.name, user=report.user, at=at.isoformat(), error=error)
    took = round((time.monotonic() - started) * 1000)
    runs.finish(report.key, token, at, Outcome(runtime.clock(), rows, int(told), took, error))
    return told


def _answer(runtime: Runtime, report: Report, at: datetime) -> Answer:
    """Ask the question as of the scheduled time, with what its user may see.

    Raises:
        QueryError: it has no answer any more.
    """
    saved = runtime.asker.saved.get(report.user, report.name)
    if (plan := as_of(saved.plan, at)) is None:
        raise QueryError(f"which time {saved.plan.period.text!r} is cannot be told any more: save {report.name} again")
    answer = runtime.ask(saved.question, user=report.user, allowed=report.allowed, plan=plan)
    if answer.status != "succeeded":
        raise QueryError(answer.reason)
    return answer


def _tell(runtime: Runtime, report: Report, answer: Answer, at: datetime, missed: int) -> bool:
    assert answer.plan is not None and answer.statistics is not None  # noqa: S101, PT018  # it succeeded
    period = answer.plan.period
    told = Told(
        report.key,
        report.name,
        report.user,
        at,
        answer.summary,
        answer.explanation,
        answer.columns,
        answer.results[:SHOWN],
        answer.statistics.result_count,
        period.lo,
        period.hi - timedelta(microseconds=1),
        missed,
    )
    routes = [each for each in runtime.routes() if each.label in report.to and each.enabled]
    if not routes:
        return False
    return hand_out(runtime.state, told, routes, runtime.clock())


def _missed(report: Report, run: Run, at: datetime) -> int:
    """How many times before ``at`` nothing ran; at most :data:`_MISSED` are counted."""
    times, moment, count = report.times(), datetime.fromisoformat(run.reached), 0
    while count < _MISSED and (found := times.after(moment)) is not None and found < at:
        moment, count = found, count + 1
    return count
