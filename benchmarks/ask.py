"""How often the offline parser answers questions rightly, compared by result, and how long it takes.

    uv run python benchmarks/ask.py [--record] [--set NAME] [--misses] [--json] [--events 1000000]

Questions and the SQL that answers them are in ``benchmarks/questions``; the data is two weeks of the simulator and told
events (``ask_lake.py``), for some sets with a dozen more sources (``ask_sources.py``). A question is right where the
result has the columns and rows of one of its statements; other columns may be there too, and order counts only where
the question ranks. The reference for accuracy is a keyword template (``ask_baseline.py``), for the parser's time
sqlglot's for the SQL that answers the same question. With ``MANTISSA_TEST_DATA`` the questions of others are asked too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import quantiles

import sqlglot
from ask_draw import NOW
from ask_judge import ROWS, judge
from ask_lake import DAYS, SEED, SETTINGS, START
from ask_questions import Question, names, others, read
from ask_scores import Scores, misses, table_of_measures, table_of_parts, table_of_sets
from mantissa_core import Runtime
from mantissa_core.ask.compile import compile_plan
from mantissa_core.ask.parse import Understood, parse
from mantissa_core.ask.schema import Schema
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.simulate import cloudtrail_stream
from record import machine, record, table

NARROW = {"canonical", "voices", "follow_ups", "abstain", "fresh"}
"""Sets about CloudTrail and Okta alone; what is asked there about a country has one source that knows it."""
OTHERS = "of others"
WARM = (
    "how many AWS errors were there this week?",
    "top 5 AWS services by number of calls in the last 24 hours",
    "CloudTrail events by region this month",
    "count CloudTrail events per hour in the last 24 hours",
    "who created S3 buckets in the last 7 days?",
    "when was the last time root was used?",
)
"""Questions that are timed over many events."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the figures to RESULTS.md")
    parser.add_argument("--set", action="append", choices=[*names(), OTHERS])
    parser.add_argument("--misses", action="store_true", help="list what is not right")
    parser.add_argument("--json", action="store_true", help="print scores and misses as JSON")
    parser.add_argument(
        "--events", type=int, metavar="N", help="besides: from question to rows over N CloudTrail events"
    )
    options = parser.parse_args()
    with ExitStack() as stack:
        narrow, wide = (stack.enter_context(judge(wide=each)) for each in (False, True))
        sets = questions(options.set)
        scores = [Scores.of(name, asked, narrow if name in NARROW else wide) for name, asked in sets.items()]
        text = report(scores, narrow.schema, [each for name in sets if name in NARROW for each in sets[name]])
    if options.events:
        text += "\n" + warm(options.events)
    print(json.dumps([each.as_json() for each in scores], indent=2) if options.json else text)
    if options.misses:
        print("\n".join(misses(scores)), file=sys.stderr)
    if options.record:
        record("ask", text)


def questions(wanted: Iterable[str] | None) -> dict[str, list[Question]]:
    """By the names of their sets."""
    folder = os.environ.get("MANTISSA_TEST_DATA")
    if not folder:
        print("MANTISSA_TEST_DATA is not set: the questions of others are not asked", file=sys.stderr)
    found = {name: read(name) for name in wanted or names() if name != OTHERS}
    return {**found, OTHERS: others(Path(folder))} if folder and (not wanted or OTHERS in wanted) else found


def report(scores: list[Scores], schema: Schema, asked: list[Question]) -> str:
    """The section for RESULTS.md."""
    timed = [each for each in asked if each.sql and not each.follows]
    return "\n\n".join(
        [
            f"`uv run python benchmarks/ask.py --record`, {machine()}.",
            "Offline parser and, as the reference, a keyword template; answers compared by result over two simulated "
            "weeks of CloudTrail and Okta, for everyday, unseen and others' questions with a dozen more sources. What "
            "each set was when it was new to the parser stands under 'ask: first measurement'.",
            table_of_sets(scores),
            "How near the statements of the answered come to those that were written for them. Columns and values of "
            "conditions by the share that both have in common, the rest by being equal; gold with another form may be "
            "as right.",
            table_of_measures(scores),
            table_of_parts(scores, "voice"),
            table_of_parts(scores, "shape"),
            *([table(times(schema, timed))] if timed else []),
        ]
    )


def times(schema: Schema, questions: list[Question]) -> list[tuple[str, object, str]]:
    """CPU milliseconds per question, and for the SQL of the same questions, in turn."""
    ours, theirs = [], []
    for _ in range(3):
        for each in questions:
            ours.append(_milliseconds(partial(parse, each.question, schema, NOW)))
            theirs.append(
                _milliseconds(partial(sqlglot.parse_one, each.sql[0].replace("$now", "now()"), read="duckdb"))
            )
    return [
        ("parse a question, CPU ms: p50, p95, max", _figures(ours), "p95 ≤ 5"),
        ("sqlglot parses its SQL, CPU ms: p50, p95, max", _figures(theirs), ""),
    ]


def warm(events: int) -> str:
    """One row: milliseconds from a question to its rows over so many events, the process warm."""
    with tempfile.TemporaryDirectory() as folder, Runtime.open({"home": folder, "lake": SETTINGS}) as runtime:
        for lines in batched(cloudtrail_stream(SEED, events, START, DAYS), 50_000):
            runtime.ingest("aws.cloudtrail", lines)
        schema = Schema.of(LogTypes.load(), {"aws_cloudtrail"})
        took = []
        for number in range(4):
            for question in WARM:
                started = time.perf_counter()
                understood = parse(question, schema, NOW)
                assert isinstance(understood, Understood), question  # a benchmark
                runtime.query(compile_plan(understood.plan, schema.table(understood.plan.source)), max_rows=ROWS)
                took += [(time.perf_counter() - started) * 1000] if number else []
    return f"| question to rows over {events:,} events, warm, ms: p50, p95, max | {_figures(took)} | ≤ 300 |"


def batched(lines: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """The lines, so many at a time."""
    rest = iter(lines)
    while batch := list(islice(rest, size)):
        yield batch


def _figures(values: list[float]) -> str:
    cuts = quantiles(values, n=20, method="inclusive")
    return f"{cuts[9]:.2f}, {cuts[18]:.2f}, {max(values):.2f}"


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return (time.thread_time() - started) * 1000


if __name__ == "__main__":
    main()
