"""The destinations' figures in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from .sink_health import SinkHealth

Value = float | int | None
_GAUGES: Mapping[str, tuple[str, Callable[[SinkHealth], Value]]] = {
    "attempts_24h": ("Attempts within 24 hours.", lambda each: each.total_attempts),
    "failures_24h": ("Attempts within 24 hours that failed.", lambda each: each.failed),
    "success_ratio_24h": ("Share of the attempts within 24 hours that delivered.", lambda each: each.success_rate),
    "down": ("1 while nothing is sent there because it failed.", lambda each: int(each.circuit != "closed")),
    "last_success_timestamp_seconds": ("When it last took a message.", lambda each: _epoch(each.last_success)),
    "oldest_waiting_timestamp_seconds": (
        "When the alert was made whose message waits longest.",
        lambda each: _epoch(each.oldest_waiting),
    ),
}


def sink_metrics(sinks: Sequence[SinkHealth]) -> str:
    """The text that a scrape gets."""
    lines: list[str] = []
    for name, (text, value) in _GAUGES.items():
        full = f"mantissa_sink_{name}"
        samples = [
            f'{full}{{sink="{_escaped(each.destination)}"}} {found:.10g}'
            for each in sinks
            if (found := value(each)) is not None
        ]
        lines += [f"# HELP {full} {text}", f"# TYPE {full} gauge", *samples] if samples else []
    return "".join(f"{line}\n" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _epoch(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
