"""The section of RESULTS.md about detection."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from record import machine, table


def report(result: Mapping[str, Any]) -> str:
    """Figures beside their targets, and how they were come by."""
    ours, theirs = _cpu(result["matcher"]), _cpu(result["duckdb"])
    ratios = sorted(us["cpu_s"] / them["cpu_s"] for us, them in zip(result["matcher"], result["duckdb"], strict=True))
    ratio = f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    runs, late, whole = result["processes"], result["latency"], result["engine"]
    rate = statistics.median(run["events"] / run["cpu_s"] for run in runs)
    rows = [
        (f"650 rules, {result['events']:,} stored events: ours", f"{ours:.2f} CPU-s", "≤ 4 CPU-s"),
        ("the same: one DuckDB query per rule", f"{theirs:.2f} CPU-s", ""),
        ("the same: ratio, ours to DuckDB", ratio, "≤ 0.33"),
        ("the same: signals committed too", f"{whole['cpu_s']:.2f} CPU-s, {whole['signals']:,} signals", ""),
        *((_batch(each), f"{each['events_per_cpu_s']:,} events/CPU-s", "") for each in result["micro"]),
        *((f"{each['rules']:,} rules, all events", _seconds(each), "") for each in result["by_rules"]),
        *((f"650 rules, {each['events']:,} events", _seconds(each), "") for each in result["by_events"]),
        *(row for each in result["scanned"] for row in _scanned(each)),
        (f"process creation, {runs[0]['rules']:,} rules", f"{rate:,.0f} events/CPU-s", "≥ 20,000 events/s/core"),
        ("committed → signal committed, 1,000 events/s: p95", f"{late['p95']} s (p50 {late['p50']} s)", "≤ 1 s"),
    ]
    kind = "rules of a folder" if runs[0]["real"] else "generated rules"
    differing = len(result["differing"])
    return (
        f"`uv run python benchmarks/detect.py --record`, {machine()}. Other work ran on the machine at the same time: "
        "CPU seconds, medians, both sides in turn.\n\n"
        f"CloudTrail: the project's own rules and generated variations (six of seven pin an event name), "
        f"{result['runs']} runs of each side; reading the Parquet files is included, loading rules is not. "
        f"{result['hits']:,} matches; the two sides differ on {differing} rules. Micro-batches are in memory. "
        f"Process creation: {kind} over {runs[0]['events']:,} generated events with distinct command lines, "
        "batches of 50,000. SQL: nearly every statement reads m_extra, which is next to empty in generated events and "
        "larger for a source with many undeclared fields. "
        f"Latency: {late['events']:,} events in commits of 250, 650 rules, {late['signals']:,} "
        f"signals.\n\n{table(rows)}"
    )


def _cpu(runs: Sequence[Mapping[str, Any]]) -> float:
    return statistics.median(run["cpu_s"] for run in runs)


def _batch(each: Mapping[str, Any]) -> str:
    return f"batch of {each['events']:,}, {each['rules']:,} rules"


def _scanned(each: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Both ways to run the rules' SQL, and their ratio; nearly every statement names ``m_extra``."""
    what = f"{each['rules']:,} rules' SQL for Athena, compressed bytes of the columns read"
    one, shared = each["one_by_one"], each["shared"]

    def share(extra: int, whole: int) -> str:
        return f"{whole / 1e6:,.0f} MB, {extra / 1e6:,.2f} MB of it m_extra"

    return [
        (f"{what}: one query per rule", share(each["extra_one_by_one"], one), ""),
        (f"{what}: {each['scans']} shared scans", share(each["extra_shared"], shared), ""),
        (f"{each['rules']:,} rules' SQL: ratio, one query per rule to shared scans", f"**{one / shared:.1f}**", ""),
    ]


def _seconds(each: Mapping[str, Any]) -> str:
    return f"{each['cpu_s']:.2f} CPU-s"
