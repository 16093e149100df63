"""Ingest 1M CloudTrail events next to DuckDB's bare JSON → Parquet copy, then compact and query them.

    uv run python benchmarks/ingest.py [--events 1000000] [--runs 3] [--keep FOLDER] [--record]

Both sides run in processes of their own over the same file, in turn; CPU seconds and peak memory are the operating
system's account of each process. "Ours" is the whole path: decode, prove lossless, flatten, promote, overlay, ids,
duplicate check, Parquet per day, Delta commit, progress. It ends when the events can be queried.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from record import machine, record, table

SEED, DAYS = 7, 7
START = datetime(2026, 3, 2, tzinfo=UTC)
SETTINGS = {"lake": {"retention_days": 4000}}

BARE = """
import duckdb, sys
source, target, columns = sys.argv[1:4]
duckdb.execute("SET enable_progress_bar = false")
duckdb.execute(
    f"COPY (SELECT * FROM read_json('{source}', format = 'newline_delimited', columns = {columns})) "
    f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
)
"""

OURS = """
import json, sys
from mantissa_core import Runtime
source, home, settings = sys.argv[1:4]
collector = {"plugin": "core.file", "path": source, "log_type": "aws.cloudtrail"}
with Runtime.open({"home": home, **json.loads(settings), "collectors": {"bench": collector}}) as siem:
    print(sum(each.ingested.rows for each in siem.collect()))
"""


@dataclass(frozen=True)
class Usage:
    """The operating system's account of one process: seconds of CPU and wall clock, peak memory in MB (10^6)."""

    cpu_s: float
    wall_s: float
    peak_mb: int
    printed: str


def main() -> None:
    """Generate, run both sides, compact, query, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder for the data; default: a temporary one")
    parser.add_argument("--record", action="store_true", help="write the figures to RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mantissa-bench-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = bench(folder, options.events, options.runs)
    print(json.dumps(result, indent=2))
    if options.record:
        record("ingest", report(result))


def bench(folder: Path, events: int, runs: int) -> dict[str, Any]:
    """Every figure of some runs; the ratio is the median of those of neighbouring runs."""
    source, columns = generate(folder, events), declared_columns()
    pairs = []
    for _ in range(runs):
        bare = measured(BARE, source, folder / "bare.parquet", columns)
        shutil.rmtree(folder / "home", ignore_errors=True)
        ours = measured(OURS, source, folder / "home", json.dumps(SETTINGS))
        if int(ours.printed) != events:
            sys.exit(f"{ours.printed} of {events} events were stored")
        pairs.append((bare, ours))
    return {
        "events": events,
        "bytes_in": round(source.stat().st_size / events),
        "bare": [asdict(bare) for bare, _ in pairs],
        "ours": [asdict(ours) for _, ours in pairs],
        "ratios": [round(bare.cpu_s / ours.cpu_s, 3) for bare, ours in pairs],
        **stored(folder / "home", events),
    }


def generate(folder: Path, events: int) -> Path:
    """NDJSON of simulated CloudTrail events, at least 1 KB each on average, spread over seven days."""
    from mantissa_core.simulate import cloudtrail_stream

    target = folder / f"cloudtrail-{events}.ndjson"
    if not target.exists():
        partial = target.with_suffix(".partial")
        with partial.open("wb") as file:
            for event in cloudtrail_stream(SEED, events, START, DAYS):
                file.write(event)
        partial.rename(target)
    return target


def declared_columns() -> str:
    """The log type's columns as ``read_json`` takes them: detection fails on events of variable shape."""
    from mantissa_core.parse.columns import json_columns
    from mantissa_core.parse.layout import Layout
    from mantissa_core.parse.log_types import LogTypes
    from mantissa_core.parse.strict import fast_fields

    return json_columns(fast_fields(Layout(LogTypes.load().get("aws.cloudtrail"))))


def measured(program: str, *arguments: object) -> Usage:
    """Run a program in a process of its own."""
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=output)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        if status:
            sys.exit(f"failed with {os.waitstatus_to_exitcode(status)}")
        output.seek(0)
        printed = output.read().strip()
    unit = 1 if sys.platform == "darwin" else 1024
    return Usage(
        round(usage.ru_utime + usage.ru_stime, 2), round(wall, 2), round(usage.ru_maxrss * unit / 1e6), printed
    )


def stored(home: Path, events: int) -> dict[str, Any]:
    """Bytes per event before and after compaction, and warm queries over the compacted table."""
    from mantissa_core import Runtime
    from mantissa_core.lake.compact import compact

    with Runtime.open({"home": str(home), **SETTINGS}) as runtime:
        table = runtime.lake.table("aws_cloudtrail")
        landed = sum(file.size for file in table.live()) / events
        began = time.process_time()
        compact(table, force=True)
        compaction = time.process_time() - began
        compacted = sum(file.size for file in table.live()) / events
        day = (START + timedelta(days=3)).date()
        one_day = (
            "SELECT m_time, userIdentity_arn, sourceIPAddress FROM aws_cloudtrail "
            f"WHERE dt = '{day}' AND eventName = 'CreateUser' LIMIT 100"
        )
        seven_days = (
            "SELECT eventSource, m_outcome, count(*) AS events, count(DISTINCT m_user) AS users "
            "FROM aws_cloudtrail GROUP BY ALL ORDER BY events DESC"
        )
        return {
            "bytes_landed": round(landed, 1),
            "bytes_compacted": round(compacted, 1),
            "compaction_cpu_s": round(compaction, 2),
            "files_compacted": len(table.live()),
            "one_day_filter_ms": warm(runtime, one_day),
            "seven_day_aggregate_ms": warm(runtime, seven_days),
        }


def warm(runtime: Any, sql: str, runs: int = 15) -> dict[str, float]:
    """Median and extremes over ``runs`` after three that do not count: planning, engine and transfer included."""
    times = []
    for _ in range(runs + 3):
        began = time.perf_counter()
        runtime.query(sql)
        times.append((time.perf_counter() - began) * 1000)
    counted = times[3:]
    return {
        "median": round(statistics.median(counted), 1),
        "min": round(min(counted), 1),
        "max": round(max(counted), 1),
    }


def report(result: dict[str, Any]) -> str:
    """The section for RESULTS.md."""
    events, runs = result["events"], len(result["ratios"])

    def rate(side: str) -> str:
        return f"{statistics.median(events / run['cpu_s'] for run in result[side]):,.0f}"

    day, week = result["one_day_filter_ms"], result["seven_day_aggregate_ms"]
    ratio = f"**{statistics.median(result['ratios'])}** ({min(result['ratios'])} to {max(result['ratios'])})"
    rows = [
        ("ratio of events per CPU-second, ours to bare", ratio, "≥ 0.3, aim 0.4"),
        ("bare: events per CPU-second", rate("bare"), ""),
        ("ours: events per CPU-second", rate("ours"), ""),
        ("ours: peak memory", f"{max(run['peak_mb'] for run in result['ours']):,} MB", "≤ 1,500 MB"),
        ("bare: peak memory", f"{max(run['peak_mb'] for run in result['bare']):,} MB", ""),
        ("on disk as landed", f"{result['bytes_landed']} B/event", ""),
        ("on disk compacted", f"{result['bytes_compacted']} B/event", "≤ 110 B/event"),
        ("compaction", f"{result['compaction_cpu_s']} CPU-s", ""),
        ("1-day filter, warm", f"{day['median']} ms ({day['min']} to {day['max']})", "≤ 20 ms"),
        ("7-day aggregate, warm", f"{week['median']} ms ({week['min']} to {week['max']})", "≤ 50 ms"),
    ]
    return (
        f"`uv run python benchmarks/ingest.py --record`, {machine()}.\n\n"
        f"{events:,} generated CloudTrail events of {result['bytes_in']:,} bytes over seven days, {runs} runs of each "
        "side in turn, medians. Bare is DuckDB's `read_json` → `COPY` to Parquet (zstd) with the same declared "
        "columns: no proof that nothing is lost, no promoted fields, overlay, ids, partitions or commits. Ours ends "
        f"when the events can be queried.\n\n{table(rows)}"
    )


if __name__ == "__main__":
    main()
