"""The streams' figures in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from .drift import Drift
from .health import Finding
from .report import StreamReport

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Value = float | int | None
_COUNTERS: Mapping[str, tuple[str, Callable[[StreamReport], Value]]] = {
    "events_total": ("Events stored.", lambda each: each.figures.rows),
    "duplicates_total": ("Events that came again and were dropped.", lambda each: each.figures.duplicates),
    "dead_letters_total": ("Records that were no events.", lambda each: each.figures.dead),
    "pages_total": ("Pages committed.", lambda each: each.figures.pages),
    "rounds_capped_total": ("Rounds that ended at their budget.", lambda each: each.figures.capped),
    "windows_divided_total": ("Windows that could not be read as a whole.", lambda each: each.figures.narrowed),
    "windows_given_up_total": ("Windows that could not be read at all.", lambda each: each.figures.given_up),
}
_GAUGES: Mapping[str, tuple[str, Callable[[StreamReport], Value]]] = {
    "failures": ("Attempts that failed since the last success.", lambda each: each.attempt.failures),
    "gaps": ("Spans that were not read.", lambda each: len(each.gaps)),
    "gap_seconds": ("Length of the gaps together.", lambda each: each.missing.total_seconds()),
    "late_seconds": ("How late an event came at most, after its time had been read.", lambda each: each.figures.late),
    "last_success_timestamp_seconds": ("When it was last read.", lambda each: _epoch(each.attempt.last_success)),
    "last_event_timestamp_seconds": ("When it last brought an event.", lambda each: _epoch(each.figures.last_data)),
    "read_up_to_timestamp_seconds": ("Up to where its time was read.", lambda each: _epoch(each.reached)),
}


def metrics(reports: Sequence[StreamReport], drifts: Iterable[Drift], found: Sequence[Finding]) -> str:
    """The text that a scrape gets."""
    lines: list[str] = []
    for kind, families in (("counter", _COUNTERS), ("gauge", _GAUGES)):
        for name, (text, value) in families.items():
            samples = [_sample(name, _place(each), value(each)) for each in reports if value(each) is not None]
            lines += _family(name, kind, text, samples)
    lags = [
        _sample("lag_seconds", {**_place(each), "quantile": f"{share:g}"}, each.lag(share))
        for each in reports
        for share in (0.5, 0.99)
        if each.lag(share) is not None
    ]
    lines += _family("lag_seconds", "gauge", "Time from an event to its ingestion, as an upper bound.", lags)
    problems = [
        _sample("problem", {"source": each.label, "stream": each.stream, "problem": each.problem}, 1) for each in found
    ]
    lines += _family("problem", "gauge", "1 for each thing that is wrong with a source now.", problems)
    fields: dict[tuple[str, str, str], int] = {}
    for drift in drifts:
        place = (drift.source, drift.log_type, drift.kind)
        fields[place] = fields.get(place, 0) + 1
    drifted = [
        _sample("drifted_fields", {"source": source, "log_type": log_type, "kind": kind}, count)
        for (source, log_type, kind), count in fields.items()
    ]
    lines += _family("drifted_fields", "gauge", "Fields that are not as the log type declares.", drifted)
    return "\n".join(lines) + "\n"


def _family(name: str, kind: str, text: str, samples: Sequence[str]) -> list[str]:
    full = f"mantissa_source_{name}"
    return [f"# HELP {full} {text}", f"# TYPE {full} {kind}", *samples] if samples else []


def _sample(name: str, labels: Mapping[str, str], value: Value) -> str:
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    shown = "+Inf" if value == float("inf") else f"{value:.10g}"
    return f"mantissa_source_{name}{{{inner}}} {shown}"


def _place(report: StreamReport) -> dict[str, str]:
    return {"source": report.label, "stream": report.stream}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _epoch(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
