"""Match rules against stored events next to one DuckDB query per rule, then batches, growth, bytes and latency.

    uv run python benchmarks/detect.py [--events 1000000] [--runs 3] [--rules FOLDER] [--keep FOLDER] [--record]

Every measurement runs in a process of its own. CPU seconds are the operating system's account of that process between
the moment when rules and data are at hand and the last match, all threads included; what stands beside each other is
run in turn, and medians are given. ``--rules`` takes a folder of process-creation rules instead of the generated ones.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import cloudtrail_rules
import pyarrow as pa
from detect_report import report
from ingest import OURS, SETTINGS, START, generate, measured
from mantissa_core import Runtime
from mantissa_core.detect.match.matcher import Matcher
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.parse.log_types import LogTypes
from per_rule_sql import where
from record import record

TABLE, SIZES = "aws_cloudtrail", (65, 650, 2_600)
PROCESS_RULES, PROCESS_EVENTS = 1_400, 200_000
RATE, SECONDS, COMMIT_EVERY = 1_000, 30, 0.25


class Clock:
    """CPU and wall-clock seconds of this process since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = _cpu(), time.perf_counter()

    def read(self) -> dict[str, float]:
        return {"cpu_s": round(_cpu() - self._cpu, 3), "wall_s": round(time.perf_counter() - self._wall, 3)}


def matcher(home: str, rules: str, share: str = "1") -> dict[str, Any]:
    """Read what the rules touch, match it, take the ids of the matches; ``share`` of the files."""
    wanted = Matcher(cloudtrail_rules.rules(int(rules)), LogTypes.load().get("aws.cloudtrail"))
    found: Counter[str] = Counter()
    with opened(home) as runtime:
        table = runtime.lake.table(TABLE)
        known = set(table.schema().names)
        columns = [name for name in wanted.columns if name in known]
        files = table.live()
        files = files[: round(len(files) * float(share))]
        clock = Clock()
        for rows in table.read(files, [*columns, "m_id"], encoded=columns):
            for hits in wanted.match(rows):
                found[hits.rule.id] += len(rows.column("m_id").take(hits.rows))
        return {**clock.read(), "events": sum(file.rows for file in files), "found": dict(found)}


def duckdb(home: str, rules: str) -> dict[str, Any]:
    """One query for each rule over the same Parquet files."""
    import duckdb as engine

    log_type = LogTypes.load().get("aws.cloudtrail")
    conditions = {rule.id: where(rule.ir, log_type) for rule in cloudtrail_rules.rules(int(rules))}
    with opened(home) as runtime:
        table = runtime.lake.table(TABLE)
        files = [table.local_path(file) for file in table.live()]
    engine.execute("SET enable_progress_bar = false")
    clock = Clock()
    found = {
        rule: engine.sql(f"SELECT m_id FROM read_parquet({files}) WHERE {condition}").to_arrow_table().num_rows
        for rule, condition in conditions.items()
    }
    return {**clock.read(), "found": {rule: rows for rule, rows in found.items() if rows}}


def engine(home: str, rules: str) -> dict[str, Any]:
    """The whole stage: every committed version, signals with evidence made and committed."""
    with opened(home) as runtime:
        runtime.__dict__["rules"] = RuleSet(cloudtrail_rules.rules(int(rules)))
        stage = runtime.engine
        clock = Clock()
        signals = sum(1 for _ in stage.run())
        return {**clock.read(), "signals": signals}


def micro(home: str, rules: str, size: str, runs: int = 5) -> dict[str, Any]:
    """Batches in memory, as they come from a source; the first run does not count."""
    wanted = Matcher(cloudtrail_rules.rules(int(rules)), LogTypes.load().get("aws.cloudtrail"))
    with opened(home) as runtime:
        table = runtime.lake.table(TABLE)
        names = [name for name in wanted.columns if name in set(table.schema().names)]
        source = pa.Table.from_batches(table.read(table.live()[:3], names)).combine_chunks()
    batch = source.slice(0, int(size)).combine_chunks().to_batches()[0]
    times = []
    for _ in range(runs + 1):
        clock = Clock()
        for _ in wanted.match(batch):
            pass
        times.append(clock.read()["cpu_s"])
    cpu = statistics.median(times[1:])
    return {"cpu_s": cpu, "events_per_cpu_s": round(batch.num_rows / cpu), "events": batch.num_rows}


def bytes_scanned(home: str, rules: str) -> dict[str, Any]:
    """What engines that bill bytes would read of the stored events."""
    from scanned import scanned

    with opened(home) as runtime:
        table = runtime.lake.table(TABLE)
        files = [Path(table.local_path(file)) for file in table.live()]
    return scanned(files, cloudtrail_rules.rules(int(rules)), LogTypes.load().get("aws.cloudtrail"))


def processes(events: str, folder: str = "") -> dict[str, Any]:
    """Unpinned rules over distinct command lines, in batches of 50,000."""
    import processes as workload

    rules = _folder(folder) if folder else workload.rules(PROCESS_RULES)
    wanted = Matcher(rules, workload.LOG_TYPE)
    batches = list(workload.batches(int(events), 50_000))
    found, clock = 0, Clock()
    for batch in batches:
        found += sum(len(hits.rows) for hits in wanted.match(batch))
    return {**clock.read(), "events": int(events), "rules": len(rules), "hits": found, "real": bool(folder)}


def latency(home: str, rules: str) -> dict[str, Any]:
    """From the moment when ``ingest`` has returned (the commit) to the moment when the signal is committed."""
    from mantissa_core.simulate import cloudtrail_stream

    ours = cloudtrail_rules.rules(int(rules) - 1)
    parsed = [json.loads(line) for line in cloudtrail_stream(5, RATE * SECONDS, START)]
    committed: dict[int, float] = {}
    waits: list[float] = []
    done, wake = threading.Event(), threading.Event()
    with opened(home) as runtime:
        runtime.__dict__["rules"] = RuleSet([*ours, _marked()])

        def follow() -> None:
            while not (done.is_set() and len(waits) >= len(parsed) // 20):
                wake.wait(5)
                wake.clear()
                for signal in runtime.engine.run():
                    if (mark := signal.evidence.get("userAgent", "")).startswith("bench-"):
                        waits.append(time.perf_counter() - committed[int(mark[6:])])

        follower = threading.Thread(target=follow)
        clock = Clock()
        follower.start()
        step = round(RATE * COMMIT_EVERY)
        for number, begin in enumerate(range(0, len(parsed), step)):
            _pause(clock, number * COMMIT_EVERY)
            page = [each | ({"userAgent": f"bench-{number}"} if at % 20 == 0 else {})
                    for at, each in enumerate(parsed[begin : begin + step], begin)]  # fmt: skip
            committed[number] = float("inf")
            runtime.ingest("aws.cloudtrail", page)
            committed[number] = time.perf_counter()
            wake.set()
        done.set()
        wake.set()
        follower.join()
    # A follower that polls in between may see a commit before ingest() has returned: that counts as no wait.
    waits = sorted(max(0.0, wait) for wait in waits)
    quantiles = {name: round(waits[int(len(waits) * share)], 3) for name, share in (("p50", 0.5), ("p95", 0.95))}
    return {**clock.read(), **quantiles, "max": round(waits[-1], 3), "signals": len(waits), "events": len(parsed)}


def opened(home: str) -> Runtime:
    return Runtime.open({"home": home, **SETTINGS})


def _marked() -> Rule:
    from mantissa_core.detect.rules.rule import parse_rule

    detection = {"selection": {"userAgent|startswith": "bench-"}, "condition": "selection"}
    return parse_rule({"title": "Marked", "logsource": cloudtrail_rules.LOGSOURCE, "detection": detection})


def _pause(clock: Clock, until: float) -> None:
    if (ahead := until - clock.read()["wall_s"]) > 0:
        time.sleep(ahead)


def _folder(folder: str) -> list[Rule]:
    found = RuleSet.load(packs=False, paths=[Path(folder)]).rules
    return [rule for rule in found if rule.logsource.category == "process_creation"]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


PARTS = {each.__name__: each for each in (matcher, duckdb, engine, micro, bytes_scanned, processes, latency)}


def run(part: str, *arguments: object) -> dict[str, Any]:
    """Run a part in a process of its own."""
    command = [sys.executable, __file__, "--part", part, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{part} failed with {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(part, *arguments, {key: value for key, value in result.items() if key != "found"}, file=sys.stderr)
    return result


def bench(folder: Path, events: int, runs: int, rules: str) -> dict[str, Any]:
    """Every figure."""
    home = folder / f"home-{events}"
    if not home.exists():
        measured(OURS, generate(folder, events), home, json.dumps(SETTINGS))
    pairs = [(run("matcher", home, 650), run("duckdb", home, 650)) for _ in range(runs)]
    ours, theirs = pairs[0][0]["found"], pairs[0][1]["found"]
    some = [min(PROCESS_EVENTS, events)]
    return {
        "events": events,
        "runs": runs,
        "matcher": [_without_found(ours) for ours, _ in pairs],
        "duckdb": [_without_found(theirs) for _, theirs in pairs],
        "hits": sum(ours.values()),
        "differing": sorted(rule for rule in {*ours, *theirs} if ours.get(rule, 0) != theirs.get(rule, 0)),
        "micro": [
            {"rules": count, "size": size, **run("micro", home, count, size)}
            for size in (10_000, 50_000)
            for count in SIZES
        ],
        "by_rules": [{"rules": count, **_without_found(run("matcher", home, count))} for count in SIZES],
        "by_events": [_without_found(run("matcher", home, 650, share)) for share in (0.25, 0.5, 1)],
        "processes": [run("processes", *some, *([rules] if rules else [])) for _ in range(runs)],
        "engine": run("engine", home, 650),
        "scanned": [run("bytes_scanned", home, count) for count in SIZES[:2]],
        "latency": _latency(folder),
    }


def _latency(folder: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        return run("latency", fresh, 650)


def _without_found(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key != "found"}


def main() -> None:
    """Generate, store, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rules", default="", help="folder of process-creation rules; default: generated ones")
    parser.add_argument("--keep", type=Path, help="folder for the data; default: a temporary one")
    parser.add_argument("--record", action="store_true", help="write the figures to RESULTS.md")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(PARTS[options.part[0]](*options.part[1:])))
        return
    with tempfile.TemporaryDirectory(prefix="mantissa-bench-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = bench(folder, options.events, options.runs, options.rules)
    print(json.dumps(result, indent=2))
    if options.record:
        record("detect", report(result))


if __name__ == "__main__":
    main()
