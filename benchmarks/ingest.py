"""Ingest 1M CloudTrail events next to DuckDB's bare JSON → Parquet copy, then store and query them.

    uv run python benchmarks/ingest.py [--events 1000000] [--keep FOLDER]

Both sides run in processes of their own over the same file; CPU seconds and peak memory are the operating
system's account of each. "Ours" is the whole path: decode, prove lossless, flatten, promote, overlay, ids,
duplicate check, Parquet per day, Delta commit, progress. It ends when the events can be queried.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

SEED, DAYS = 7, 7
START = datetime(2026, 3, 2, tzinfo=UTC)

BARE = """
import duckdb, sys, json
from mantissa_core.parse import LogTypes
from mantissa_core.parse.layout import Layout
source, target, threads = sys.argv[1:4]
columns = Layout.of(LogTypes.load().get("aws.cloudtrail")).duckdb_columns()
con = duckdb.connect(); con.execute(f"SET threads = {threads}")
con.execute(
    f"COPY (SELECT * FROM read_json('{source}', format = 'newline_delimited', columns = {columns})) "
    f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
)
"""

OURS = """
import sys
from mantissa_core import Runtime
source, home = sys.argv[1:3]
with Runtime.open({"home": home, "lake": {"retention_days": 4000},
                   "collectors": {"bench": {"plugin": "core.file", "path": source, "log_type": "aws.cloudtrail"}}}) as r:
    rows = sum(each.ingested.rows for each in r.collect())
print(rows)
"""


def main() -> None:
    """Generate, run both sides, compact, query, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="folder for the data; default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mantissa-bench-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(json.dumps(bench(folder, options.events), indent=2))


def bench(folder: Path, events: int) -> dict[str, object]:
    """Every figure of one run, with the machine it was measured on."""
    source = generate(folder, events)
    bare = measured(BARE, source, folder / "bare.parquet", "1")
    ours = measured(OURS, source, folder / "home")
    assert int(ours.pop("printed")) == events
    bare.pop("printed")
    rate = {name: events / side["cpu_s"] for name, side in (("bare", bare), ("ours", ours))}
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.processor() or platform.machine()}, {len_cpus()} cores, Python {platform.python_version()}",
        "events": events,
        "bytes_per_event_in": round(source.stat().st_size / events),
        "bare": {**bare, "events_per_cpu_s": round(rate["bare"])},
        "ours": {**ours, "events_per_cpu_s": round(rate["ours"])},
        "ratio": round(rate["ours"] / rate["bare"], 3),
        **stored(folder / "home", events),
    }


def len_cpus() -> int:
    """Processors that this process may use."""
    import os

    return len(os.sched_getaffinity(0))


def generate(folder: Path, events: int) -> Path:
    """NDJSON of simulated CloudTrail events, at least 1 KB each on average, spread over seven days."""
    from mantissa_core.simulate.cloudtrail import cloudtrail_stream

    target = folder / f"cloudtrail-{events}.ndjson"
    if not target.exists():
        partial = target.with_suffix(".partial")
        with partial.open("wb") as file:
            for event in cloudtrail_stream(SEED, events, START, DAYS):
                file.write(event.rstrip(b"\n") + b"\n")
        partial.rename(target)
    return target


def measured(program: str, *arguments: object) -> dict[str, float]:
    """Run a program in a process of its own; CPU and wall seconds, peak memory in MB, and what it printed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    wrapped = (
        f"{program}\nimport resource; usage = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print('\\n' + str(usage.ru_maxrss // 1024))"
    )
    done = subprocess.run(
        [sys.executable, "-c", wrapped, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    *printed, memory = done.stdout.split()
    return {
        "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2),
        "wall_s": round(time.perf_counter() - began, 2),
        "peak_mb": int(memory),
        "printed": printed[-1] if printed else 0,
    }


def stored(home: Path, events: int) -> dict[str, object]:
    """Bytes per event before and after compaction, and warm queries over the compacted table."""
    from mantissa_core import Runtime

    with Runtime.open({"home": str(home), "lake": {"retention_days": 4000}}) as runtime:
        table = runtime.lake.table("aws_cloudtrail")
        landed = sum(file.size for file in table.live()) / events
        from mantissa_core.lake.compact import compact

        began = time.process_time()
        compact(table, threshold=2)
        compaction = time.process_time() - began
        compacted = sum(file.size for file in table.live()) / events
        day = (START + timedelta(days=3)).date()
        queries = {
            "one_day_filter_ms": "SELECT m_time, userIdentity_arn, sourceIPAddress FROM aws_cloudtrail "
            f"WHERE dt = '{day}' AND eventName = 'CreateUser' LIMIT 100",
            "seven_day_aggregate_ms": "SELECT eventSource, m_outcome, count(*) AS events, count(DISTINCT m_user) AS users "
            "FROM aws_cloudtrail GROUP BY ALL ORDER BY events DESC",
        }
        return {
            "bytes_per_event_landed": round(landed, 1),
            "bytes_per_event_compacted": round(compacted, 1),
            "compaction_cpu_s": round(compaction, 2),
            "files_compacted": len(table.live()),
            **{name: warm(runtime, sql) for name, sql in queries.items()},
        }


def warm(runtime: object, sql: str, runs: int = 15) -> dict[str, float]:
    """Median and extremes over ``runs`` after three that do not count: planning, engine and transfer included."""
    times = []
    for _ in range(runs + 3):
        began = time.perf_counter()
        runtime.query(sql)  # type: ignore[attr-defined]
        times.append((time.perf_counter() - began) * 1000)
    counted = sorted(times[3:])
    return {
        "median": round(statistics.median(counted), 1),
        "min": round(counted[0], 1),
        "max": round(counted[-1], 1),
    }


if __name__ == "__main__":
    main()
