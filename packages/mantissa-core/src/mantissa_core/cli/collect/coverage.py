"""``mantissa collect coverage``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.labels import labels_of
from mantissa_core.cli.output import duration, moment, number, plural, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mantissa_core.collect.report import StreamReport
    from mantissa_core.model import Window

MOST_GAPS = 20


@click.command("coverage", cls=Command)
@click.argument("label", required=False)
@pass_session
def show_coverage(session: Session, label: str | None) -> None:
    """Show what was read of every source, or of LABEL: spans, gaps, lag, repeats and errors.

    The sources are not asked; what is shown is what was committed.
    """
    from mantissa_core.collect.report import stream_reports

    with session.runtime() as runtime:
        reports = list(stream_reports(runtime.state, labels_of(runtime, label)))
    if session.json:
        print_json([_document(each) for each in reports])
        return
    if not reports:
        say("Nothing was collected yet.")
        return
    _show(session, [each for each in reports if each.stream or each.attempt.failing])


def _show(session: Session, reports: Sequence[StreamReport]) -> None:
    counted = ["GAPS", "LAG P50", "LAG P99", "REPEATS"]
    table(["LABEL", "STREAM", "COVERED SINCE", "UNTIL", *counted, "LAST READ"], map(_row, reports), right=counted)
    gaps = [(each, gap) for each in reports for gap in each.gaps]
    if gaps:
        say()
        rows = [(each.label, each.stream, *_span(gap)) for each, gap in gaps[-MOST_GAPS:]]
        table(["GAP IN", "STREAM", "FROM", "TO", "LENGTH"], rows, right=["LENGTH"])
        if not session.quiet:
            say(f"\n{plural(len(gaps), 'gap')}. To fill those of a source: {session.command} collect backfill LABEL")
    for each in reports:
        for note in _notes(each):
            say(f"\n{each.label} {each.stream}".rstrip() + f": {note}")


def _row(report: StreamReport) -> tuple[object, ...]:
    if not report.windowed:
        span: tuple[object, object] = ("not by time", "")
    else:
        span = (moment(report.covered[0].start) if report.covered else "", moment(report.reached))
    return (
        report.label,
        report.stream,
        *span,
        duration(report.missing.total_seconds()) if report.gaps else "none" if report.windowed else "",
        _at_most(report.lag(0.5)),
        _at_most(report.lag(0.99)),
        number(report.figures.duplicates),
        moment(report.attempt.last_success or report.figures.last_read),
    )


def _notes(report: StreamReport) -> list[str]:
    attempt, notes = report.attempt, []
    if attempt.failing:
        notes.append(f"failing since {moment(attempt.since)} ({plural(attempt.failures, 'attempt')}): {attempt.error}")
    if report.figures.given_up:
        notes.append(f"{plural(report.figures.given_up, 'window')} could not be read: see 'dead-letter list'")
    if report.too_late:
        late, overlap = duration(report.figures.late), duration(report.overlap.total_seconds())
        notes.append(f"events came up to {late} late, and the overlap is {overlap}: some may be missed, make it longer")
    if report.left:
        left = duration(sum((each.end - each.start).total_seconds() for each in report.left))
        notes.append(f"a backfill has {left} left: 'collect backfill {report.label}' goes on with it")
    return notes


def _at_most(seconds: float | None) -> str:
    return f"≤ {duration(seconds)}" if seconds is not None and seconds != float("inf") else duration(seconds)


def _span(window: Window) -> tuple[str, str, str]:
    return moment(window.start), moment(window.end), duration((window.end - window.start).total_seconds())


def _document(report: StreamReport) -> dict[str, Any]:
    figures, attempt = report.figures, report.attempt
    return {
        "label": report.label,
        "stream": report.stream,
        "windowed": report.windowed,
        "covered": [[each.start, each.end] for each in report.covered],
        "gaps": [[each.start, each.end] for each in report.gaps],
        "reached": report.reached,
        "gap_seconds": report.missing.total_seconds(),
        "lag_p50_seconds": _finite(report.lag(0.5)),
        "lag_p99_seconds": _finite(report.lag(0.99)),
        "late_seconds": figures.late,
        "overlap_seconds": report.overlap.total_seconds(),
        "rows": figures.rows,
        "duplicates": figures.duplicates,
        "dead_letters": figures.dead,
        "pages": figures.pages,
        "rounds_capped": figures.capped,
        "windows_divided": figures.narrowed,
        "windows_given_up": figures.given_up,
        "last_success": attempt.last_success or figures.last_read,
        "last_data": figures.last_data,
        "failures": attempt.failures,
        "last_error": attempt.last_error or None,
        "last_failure": attempt.last_failure,
        "backfill_left": [[each.start, each.end] for each in report.left],
    }


def _finite(seconds: float | None) -> float | None:
    """JSON knows no infinity: what is beyond every bound is null, as is what is not known."""
    return None if seconds == float("inf") else seconds
