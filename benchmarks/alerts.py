"""From signals to messages in the outbox, next to bare SQLite; and from a committed event to a webhook.

    uv run python benchmarks/alerts.py [--alerts 10000] [--runs 3] [--record] [--profile]

Two workloads: as many signals as alerts, each of a group of its own; and ten times as many in 100 groups. Each alert is
enriched by three enrichers that remember the answers, redacted by the default policy for two destinations (one of them
local) and queued. Reference: the documents that came of it, encoded and inserted into a fresh SQLite database 50 to
a commit, by nothing but ``json`` and ``sqlite3``. The process is pinned to one core for both.

The second part runs a whole instance at 1,000 events per second, some of which open an alert each, and measures from
the return of ``ingest`` (the commit) to the request that the webhook's receiver gets.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from mantissa_core import Runtime
from mantissa_core.alert import keys
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.enrich.enrichers import Enrichers
from mantissa_core.alert.enrich.source import Source
from mantissa_core.alert.redact.policy import SECRETS_ONLY, Redaction
from mantissa_core.alert.redact.redactor import Redactor
from mantissa_core.alert.route import Route
from mantissa_core.model import Alert, Enrichment, Severity, Signal
from mantissa_core.service import Service
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite
from mantissa_core.testing.fake_http import FakeHTTP
from record import machine, record, table
from redaction import event

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
USERS, GROUPS, BATCH = 500, 100, 1_000
RATE, SECONDS, COMMIT_EVERY, ONE_IN = 1_000, 30, 0.25, 200
TARGET, LATEST = 500, 1.0


class Knows:
    """An enricher with facts of the usual size."""

    def __init__(self, name: str) -> None:
        self._facts = {"name": name, "country": "CH", "asn": 64_500, "owner": "Example AG", "known": ["scanner", "vpn"]}

    def enrich(self, alert: Alert) -> Enrichment:
        """The same for everybody."""
        return Enrichment(dict.fromkeys(next(iter(alert.entities.values())), self._facts))


def signals(number: int, groups: int) -> list[Signal]:
    """``number`` signals over ``groups`` groups, all within the window; each with an event of CloudTrail."""
    return [_signal(each, each % groups, timedelta(seconds=200 * each / number)) for each in range(number)]


def _signal(number: int, group: int, after: timedelta) -> Signal:
    user = f"user{group % USERS}@example.com"
    return Signal(
        id=f"{number:032x}",
        rule_id=f"00000000-0000-4000-9000-{group % 50:012d}",
        rule_name="Role assumed from an unusual address",
        severity=Severity.HIGH,
        summary=f"{user} assumed Deploy",
        time=START + after,
        table="aws_cloudtrail",
        event_ids=(f"{number:032x}",),
        tags=("attack.t1078.004", "attack.initial_access"),
        group={"target": f"arn:aws:iam::{group:012}:role/Deploy"},
        entities={
            "user": user,
            "src_ip": f"203.0.113.{group % 250}",
            "target": f"role-{group}",
            "action": "AssumeRole",
        },
        evidence=event(number, number % 10),
    )


def enrichers() -> Enrichers:
    """Three that know every answer already."""
    about = {"directory": ("user",), "geo": ("src_ip",), "assets": ("target",)}
    asked = Enrichers(Source(label, Knows(label), about=kinds) for label, kinds in about.items())  # type: ignore[arg-type]
    return asked


def routes() -> list[Route]:
    """Two destinations with the policies that they have by default."""
    return [
        Route("pager", type="core.webhook", redactor=Redactor(Redaction())),
        Route("file", type="core.file", redactor=Redactor(SECRETS_ONLY)),
    ]


def stage(number: int, groups: int, folder: Path, profile: bool) -> dict[str, Any]:
    """CPU and wall-clock seconds of the whole stage, and what came of it."""
    store = SQLite(SQLite.Config(path=folder / "state.sqlite"))
    state, asked = State(store), enrichers()
    made = signals(number, groups)
    for each in made[:groups]:  # the answers are remembered from here on
        asked(_asked_about(each))
    alerts, told = Alerts(state, enrich=asked), routes()

    def work() -> None:
        for begin in range(0, number, BATCH):
            alerts.apply(made[begin : begin + BATCH], told)

    profiler = cProfile.Profile() if profile else None
    spent = measured(lambda: profiler.runcall(work) if profiler else work())
    if profiler:
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(45)
    opened = sum(1 for _ in state.scan(keys.PARTITION, "alert/"))
    queued = sum(1 for _ in state.scan(keys.PARTITION, "outbox/"))
    store.close()
    return {**spent, "signals": number, "alerts": opened, "messages": queued}


def _asked_about(signal: Signal) -> Alert:
    entities = {name: (value,) for name, value in signal.entities.items()}
    alert = Alert("", "", "", signal.severity, "", "", "open", 0, signal.time, signal.time, signal.time)
    return replace(alert, entities=entities)


def reference(folder: Path) -> dict[str, float]:
    """The same documents, by nothing but json and sqlite3, 50 to a commit that is on disk."""
    with sqlite3.connect(folder / "state.sqlite") as ours:
        rows = [(*row[:2], json.loads(row[2]), *row[3:]) for row in ours.execute("SELECT * FROM document")]
    bare = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE document (partition, key, value, version, expires, PRIMARY KEY (partition, key))")

    def work() -> None:
        for begin in range(0, len(rows), 50):
            bare.execute("BEGIN IMMEDIATE")
            for partition, key, value, version, expires in rows[begin : begin + 50]:
                text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
                bare.execute("INSERT INTO document VALUES (?, ?, ?, ?, ?)", (partition, key, text, version, expires))
            bare.execute("COMMIT")

    return {**measured(work), "documents": len(rows)}


def throughput(number: str, groups: str, profile: str = "") -> dict[str, Any]:
    """The stage and its reference, pinned to one core."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(prefix="mantissa-bench-") as name:
        ours = stage(int(number), int(groups), Path(name), bool(profile))
        return {"ours": ours, "bare": reference(Path(name))}


def measured(work: Callable[[], object]) -> dict[str, float]:
    """CPU and wall-clock seconds of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return {"cpu_s": round(time.process_time() - cpu, 3), "wall_s": round(time.perf_counter() - wall, 3)}


RULE = """
title: Marked
id: 3f6f2d53-9a57-4e0e-9d52-6b0f3a1f7b52
status: test
level: high
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {userAgent|startswith: bench-}
  condition: selection
"""


def latency(apart: str = "") -> dict[str, Any]:
    """From a committed event to the webhook's receiver, in a whole instance.

    ``apart``: another instance with the same home writes the events, so that the service must look for itself.
    """
    from mantissa_core.simulate import cloudtrail_stream

    parsed = [json.loads(line) for line in cloudtrail_stream(5, RATE * SECONDS, START)]
    committed: dict[str, float] = {}
    arrived: dict[str, float] = {}
    marked = {f"bench-{at}" for at in range(0, len(parsed), ONE_IN)}
    step = round(RATE * COMMIT_EVERY)
    with Receiver(arrived) as receiver, tempfile.TemporaryDirectory(prefix="mantissa-bench-") as name:
        (Path(name) / "marked.yml").write_text(RULE)
        home = {
            "home": name,
            "rules": {"paths": ["marked.yml"]},
            "sinks": {"hook": {"plugin": "core.webhook", "url": receiver.url}},
        }
        with Runtime.open(home) as runtime, Runtime.open(home) as other, running(runtime):
            writer = other if apart else runtime
            started = time.perf_counter()
            for begin in range(0, len(parsed), step):
                time.sleep(max(0.0, started + begin / RATE - time.perf_counter()))
                page = [_marked(each, at) for at, each in enumerate(parsed[begin : begin + step], begin)]
                writer.ingest("aws.cloudtrail", page)
                now = time.perf_counter()
                committed |= {f"bench-{at}": now for at in range(begin, begin + step) if f"bench-{at}" in marked}
            until = time.monotonic() + 60
            while len(arrived) < len(marked) and time.monotonic() < until:
                time.sleep(0.1)
    waits = sorted(max(0.0, arrived[each] - committed[each]) for each in marked if each in arrived)
    quantiles = {name: round(waits[int(len(waits) * share)], 3) for name, share in QUANTILES.items()}
    return {**quantiles, "alerts": len(marked), "missing": len(marked) - len(waits), "events": len(parsed)}


QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def _marked(each: dict[str, Any], at: int) -> dict[str, Any]:
    return each | {"userAgent": f"bench-{at}"} if at % ONE_IN == 0 else each


class Receiver(FakeHTTP):
    """Notes when it got the alert about each marked event."""

    def __init__(self, arrived: dict[str, float]) -> None:
        super().__init__()
        self._arrived = arrived

    def answer(self, request: Any) -> Any:
        """Note it, and answer 200."""
        now = time.perf_counter()
        for each in json.loads(request.body)["alert"]["evidence"]:
            self._arrived.setdefault(each["userAgent"], now)
        return super().answer(request)


class running:  # noqa: N801  # reads as what it does
    """A service beside the block."""

    def __init__(self, runtime: Runtime) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=Service(runtime).run, args=(self._stop,))

    def __enter__(self) -> None:
        self._thread.start()
        time.sleep(2)  # the loops have started

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


PARTS: dict[str, Callable[..., dict[str, Any]]] = {each.__name__: each for each in (throughput, latency)}


def run(part: str, *arguments: object) -> dict[str, Any]:
    """Run a part in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--part", part, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(f"{part} failed with {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(part, *arguments, result, file=sys.stderr)
    return result


def report(alerts: int, runs: int) -> str:
    """The section for RESULTS.md."""
    apart = [run("throughput", alerts, alerts) for _ in range(runs)]
    folded = [run("throughput", alerts * 10, GROUPS) for _ in range(runs)]
    late, apart_late = run("latency"), run("latency", "apart")
    rows = [
        *_rows(f"{alerts:,} signals of as many groups", apart, "alerts"),
        *_rows(f"{alerts * 10:,} signals of {GROUPS} groups", folded, "signals"),
        *_late("committed event → webhook received, 1,000 events/s", late),
        *_late("the same, events written by another process", apart_late),
    ]
    return (
        f"`uv run python benchmarks/alerts.py --record`, {machine()}; medians of {runs} runs.\n\n"
        "The service looks once a second for what another process has stored.\n\n" + table(rows)
    )


def _rows(what: str, found: list[dict[str, Any]], unit: str) -> Iterator[tuple[str, object, str]]:
    ours = median(each["ours"]["cpu_s"] for each in found)
    bare = median(each["bare"]["cpu_s"] for each in found)
    wall = median(each["ours"]["wall_s"] for each in found)
    of = found[0]["ours"]
    rate = f"**{of[unit] / ours:,.0f}**, {of[unit] / wall:,.0f} per second of the clock"
    yield f"{what}: {unit} per CPU-second, one core", rate, f"≥ {TARGET}" if unit == "alerts" else ""
    yield (
        "the same: alerts, messages, documents",
        f"{of['alerts']:,}, {of['messages']:,}, {found[0]['bare']['documents']:,}",
        "",
    )
    yield "the same: the documents by json and sqlite3 alone", f"{bare:.2f} CPU-s, ours {ours:.2f} CPU-s", ""
    yield "ratio, ours to bare", f"**{ours / bare:.1f}**", ""


def _late(what: str, found: dict[str, Any]) -> Iterator[tuple[str, object, str]]:
    asked = "" if "another" in what else f"≤ {LATEST:g} s"  # the service looks once a second for what others wrote
    yield f"{what}: p95", f"**{found['p95']} s** (p50 {found['p50']} s, p99 {found['p99']} s)", asked
    yield "the same: alerts, missing", f"{found['alerts']}, {found['missing']}", "0 missing"


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="write the figures to RESULTS.md")
    parser.add_argument("--profile", action="store_true", help="show where the time of the first workload goes")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(PARTS[options.part[0]](*options.part[1:])))
        return
    if options.profile:
        run("throughput", options.alerts, options.alerts, "profile")
        return
    text = report(options.alerts, options.runs)
    print(text)
    if options.record:
        record("alerts", text)


if __name__ == "__main__":
    main()
