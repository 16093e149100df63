"""Events per CPU-second of each source's parsing, next to ``orjson.loads`` alone over the same lines.

    uv run python benchmarks/parse.py [--events 100000] [--runs 3] [--record] [LOG_TYPE...]

Events are the log types' examples, each with a time, id, person and address of its own; an example that spells fields
otherwise, as no API does, comes once. Ours is all that lies between
lines and rows: decode, prove lossless, flatten, promote, overlay, ids. Where a log type's deliveries are no lines of
JSON, what its decoder makes of them is parsed: "rows" instead of "lines". Both sides run in this process, in turn, on
the same lines; CPU seconds are those of all its threads. Exit code 1: a source is below 50,000 events per CPU-second.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import orjson
from mantissa_core import catalog
from mantissa_core.model import Blob, LogType
from mantissa_core.parse.flatten import look_up
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.parse.rows import RowBuilder
from mantissa_core.simulate import varied
from record import machine, record

SEED, DAY = 7, date(2026, 3, 2)
DISTINCT = 20_000
"""Events that are different; more repeat them."""
STEP, STEP_BYTES = 50_000, 40 << 20
"""Records and bytes that are built at once, as collection gathers them."""
LEAST = 50_000
"""Events per CPU-second."""


@dataclass(frozen=True)
class Measured:
    """One log type: bytes per event, and events per CPU-second of both sides, a figure for each run."""

    name: str
    kind: str
    columns: int
    size: int
    ours: Sequence[float]
    bare: Sequence[float]

    @property
    def rate(self) -> float:
        """The median of ours."""
        return statistics.median(self.ours)

    @property
    def ratio(self) -> float:
        """The median of ours to bare in neighbouring runs."""
        return statistics.median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))


def main() -> None:
    """Measure, print, and fail where a source is too slow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="LOG_TYPE", help="default: every one that is installed")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="write the figures to RESULTS.md")
    options = parser.parse_args()
    known = LogTypes.load()
    chosen = [known.get(name) for name in options.names] or [each for each in known if each.examples]
    found = []
    for log_type in sorted(chosen, key=lambda each: each.name):
        found.append(measure(log_type, options.events, options.runs))
        print(line(found[-1]), flush=True)
    if options.record:
        record("parse", report(found, options.events, options.runs))
    sys.exit(any(each.rate < LEAST for each in found))


def measure(log_type: LogType, events: int, runs: int) -> Measured:
    """Both sides over the same lines, in turn, after one run that does not count."""
    drawn = varied(log_type, SEED, DAY, min(events, DISTINCT), lambda event: respelled(log_type, event))
    distinct = [json.dumps(each).encode() for each in drawn]
    size = sum(map(len, distinct)) // len(distinct)
    step = min(STEP, STEP_BYTES // size)
    lines = (distinct * (events // len(distinct) + 1))[:events]
    content = b"\n".join(lines)
    decoder = catalog.load("mantissa.parsers", log_type.decoder)
    kind = "lines" if log_type.decoder == "core.json_lines" else "rows"
    ours, bare = [], []
    with RowBuilder(log_type) as builder:

        def parse() -> int:
            records: Sequence[bytes] = lines
            if kind == "lines":
                decoded = decoder(decoder.Config()).decode(Blob("bench", "bench", lambda: io.BytesIO(content)))
                records = [record for step in decoded for record in step.records]
            return sum(_rows(builder, records[at : at + step], at) for at in range(0, len(records), step))

        for run in range(runs + 1):
            one, other = _cpu(parse, events), _cpu(lambda: sum(1 for _ in map(orjson.loads, lines)), events)
            if run:
                ours.append(events / one)
                bare.append(events / other)
    return Measured(log_type.name, kind, len(log_type.columns), size, ours, bare)


def respelled(log_type: LogType, event: Mapping[str, Any]) -> bool:
    """Whether an event has another spelling of a field than the log type's first."""
    others = (keys for column in log_type.columns for keys in column.alternates)
    return any(look_up(event, keys) is not None for keys in others)


def _rows(builder: RowBuilder, records: Sequence[bytes], first: int) -> int:
    parsed = builder.build(
        records,
        range(first, first + len(records)),
        origin="bench",
        source="bench",
        ingest_time=datetime.now(UTC),
        retention_days=36_500,
    )
    return parsed.rows.num_rows


def _cpu(work: Callable[[], int], events: int) -> float:
    began = time.process_time()
    done = work()
    spent = time.process_time() - began
    if done != events:
        sys.exit(f"{done} of {events} events became rows")
    return spent


def line(each: Measured) -> str:
    """A line of the table."""
    slow = " (too slow)" if each.rate < LEAST else ""
    return (
        f"| {each.name} | {each.kind} | {each.columns} | {each.size:,} | **{each.rate:,.0f}**{slow} "
        f"| {statistics.median(each.bare):,.0f} | {each.ratio:.2f} |"
    )


def report(found: Sequence[Measured], events: int, runs: int) -> str:
    """The section for RESULTS.md."""
    head = (
        "| log type | input | columns | bytes per event | ours: events per CPU-s | orjson.loads | ratio |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
    )
    return (
        f"`uv run python benchmarks/parse.py --record`, {machine()}.\n\n"
        f"{events:,} events of each log type, {DISTINCT:,} of them different, made of its examples; {runs} runs of "
        "each side in turn, medians. Ours is everything between lines and rows: decoding, the proof that nothing is "
        "lost, flattening, promoted fields, overlay and ids. Input `rows`: deliveries are no lines of JSON, so what "
        f"the decoder makes of them is parsed. Target: {LEAST:,} events per CPU-second.\n\n"
        + head
        + "\n".join(map(line, found))
    )


if __name__ == "__main__":
    main()
