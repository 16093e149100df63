"""How often the offline parser answers questions rightly, compared by result, and how long it takes.

    uv run python benchmarks/ask.py [--record] [--set NAME] [--wrong] [--events 1000000]

Questions and the SQL that answers them are in ``benchmarks/questions``; the data is two weeks of the simulator
(``ask_lake.py``). A question is right where the result has the columns and rows of one of its statements; other columns
may be there too, and order counts only where the question ranks. The reference for the parser's time is sqlglot's
for the SQL that answers the same question.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import quantiles
from typing import Any

import sqlglot
import yaml
from ask_draw import NOW
from ask_lake import DAYS, SEED, SETTINGS, START, build
from ask_sources import SOURCES
from mantissa_core import Runtime
from mantissa_core.ask.compile import compile_plan
from mantissa_core.ask.parse import Abstained, Understood, parse
from mantissa_core.ask.plan import Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.errors import QueryError
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.simulate import cloudtrail_stream
from record import machine, record, table

QUESTIONS = Path(__file__).with_name("questions")
SETS = ("canonical", "voices", "follow_ups", "abstain", "everyday")
WIDE = {"everyday"}
"""Sets about the tables of other sources, too."""
WARM = (
    "how many AWS errors were there this week?",
    "top 5 AWS services by number of calls in the last 24 hours",
    "CloudTrail events by region this month",
    "count CloudTrail events per hour in the last 24 hours",
    "who created S3 buckets in the last 7 days?",
    "when was the last time root was used?",
)
"""Questions that are timed over many events."""
RANKED = {"top", "first", "last"}
ROWS = 10_000
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Question:
    """A question with the statements that answer it; none where it must not be answered."""

    id: str
    shape: str
    question: str
    sql: tuple[str, ...] = ()
    follows: str = ""
    voice: str = ""
    canonical: bool = False
    expect: str = ""


@dataclass(frozen=True)
class Verdict:
    """``right``, ``wrong`` or ``abstained``, with why."""

    question: Question
    verdict: str
    why: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the figures to RESULTS.md")
    parser.add_argument("--set", action="append", choices=[each.stem for each in QUESTIONS.glob("*.yaml")])
    parser.add_argument("--wrong", action="store_true", help="show what is not right")
    parser.add_argument(
        "--events", type=int, metavar="N", help="besides: from question to rows over N CloudTrail events"
    )
    options = parser.parse_args()
    with ExitStack() as stack:
        judges = [stack.enter_context(judge(wide)) for wide in (False, True)]
        text = report(*judges, options.set or SETS, options.wrong)
    if options.events:
        text += "\n" + warm(options.events)
    print(text)
    if options.record:
        record("ask", text)


@contextmanager
def judge(wide: bool) -> Iterator[Judge]:
    """One over a lake of its own."""
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), wide=wide)
        with Runtime.open({"home": folder, "lake": SETTINGS}) as runtime:
            yield Judge(runtime, wide=wide)


def read(name: str) -> list[Question]:
    """The questions of a set."""
    return [
        Question(**{**each, "sql": tuple(each.get("sql", ()))})
        for each in yaml.safe_load((QUESTIONS / f"{name}.yaml").read_text("utf-8"))
    ]


class Judge:
    """Asks questions of a lake and compares what comes with what should."""

    def __init__(self, runtime: Runtime, *, wide: bool = False) -> None:
        self.runtime = runtime
        names = (each.replace(".", "_") for each in SOURCES) if wide else ()
        self.schema = Schema.of(LogTypes.load(), {"aws_cloudtrail", "okta_system", *names})

    def judge(self, question: Question) -> Verdict:
        previous = None
        if question.follows:
            before = self._parse(question.follows)
            if isinstance(before, Abstained):
                return Verdict(question, "abstained", "the question before it")
            previous = before.plan
        understood = self._parse(question.question, previous)
        if isinstance(understood, Abstained):
            return Verdict(question, "right" if question.expect else "abstained", understood.reason)
        if question.expect:
            return Verdict(question, "wrong", understood.explanation)
        try:
            found = self.rows(compile_plan(understood.plan, self.schema.table(understood.plan.source)))
        except QueryError as error:
            return Verdict(question, "wrong", f"{understood.explanation} {error}")
        ranked = question.shape in RANKED
        right = any(same(self.gold(each), found, ranked) for each in question.sql)
        return Verdict(question, "right" if right else "wrong", understood.explanation)

    def gold(self, sql: str) -> list[Mapping[str, Any]]:
        """The rows of a question's own statement."""
        return self.rows(sql.replace("$now", f"TIMESTAMPTZ '{NOW.isoformat(sep=' ')}'"))

    def rows(self, sql: str) -> list[Mapping[str, Any]]:
        return self.runtime.query(sql, max_rows=ROWS).rows.to_pylist()

    def _parse(self, question: str, previous: Plan | None = None) -> Understood | Abstained:
        return parse(question, self.schema, NOW, previous=previous)


def same(gold: list[Mapping[str, Any]], found: list[Mapping[str, Any]], ranked: bool = False) -> bool:
    """Whether ``found`` has gold's rows, and among its columns gold's.

    What comes in the order of figures is compared up to ties: the figures in order, the rows in any. A single moment
    or figure is right too where it stands in the only row.
    """
    if len(gold) == 1 and len(gold[0]) == 1 and len(found) == 1:
        return next(iter(gold[0].values())) in found[0].values()
    if len(gold) != len(found):
        return False
    if not gold:
        return True
    wanted = [[_value(row[name]) for row in gold] for name in gold[0]]
    there = {name: [_value(row[name]) for row in found] for name in found[0]}
    return any(_fit(wanted, columns, ranked) for columns in _pairings(wanted, there))


def _fit(wanted: list[list[str]], found: list[list[str]], ranked: bool) -> bool:
    if ranked and wanted[-1] != found[-1]:
        return False
    ties = ranked and len(wanted) > 1
    rows, those = (Counter(zip(*each, strict=True)) for each in (wanted, found))
    # At the end of a ranking, which of those with the same figure are shown is open.
    open_end = wanted[-1][-1]
    return rows == those or (
        ties and {each for each in rows if each[-1] != open_end} == {each for each in those if each[-1] != open_end}
    )


def _pairings(wanted: list[list[str]], there: Mapping[str, list[str]]) -> Iterator[list[list[str]]]:
    """Ways to find gold's columns among those of the result."""
    if not wanted:
        yield []
        return
    for name, column in there.items():
        if set(column) & set(wanted[0]) and len(set(column)) == len(set(wanted[0])):
            rest = {other: values for other, values in there.items() if other != name}
            for more in _pairings(wanted[1:], rest):
                yield [column, *more]


def _value(value: Any) -> str:
    return json.dumps(value, default=str)


def report(judge: Judge, wide: Judge, sets: Iterable[str], show: bool = False) -> str:
    """The section for RESULTS.md."""
    lines = ["| set | questions | right | wrong | abstained |", "| --- | --- | --- | --- | --- |"]
    shapes: dict[str, Counter[str]] = defaultdict(Counter)
    asked: list[Question] = []
    for name in sets:
        questions = read(name)
        asked += questions
        verdicts = [(wide if name in WIDE else judge).judge(each) for each in questions]
        counts = Counter(each.verdict for each in verdicts)
        figures = " | ".join(_share(counts[each], len(questions)) for each in ("right", "wrong", "abstained"))
        lines.append(f"| {name} | {len(questions)} | {figures} |")
        for each in verdicts:
            shapes[each.question.shape][each.verdict] += 1
            if show and each.verdict != "right":
                print(f"{each.question.id} {each.verdict}: {each.question.question}\n      {each.why}", file=sys.stderr)
    if unseen := _unseen(judge.schema):
        lines.append(unseen)
    by_shape = "\n".join(
        f"| {shape} | {counts['right']} | {counts['wrong']} | {counts['abstained']} |"
        for shape, counts in sorted(shapes.items())
    )
    return (
        f"`uv run python benchmarks/ask.py --record`, {machine()}.\n\n"
        "Offline parser, answers compared by result over two simulated weeks of CloudTrail and Okta.\n\n"
        + "\n".join(lines)
        + f"\n\n| shape | right | wrong | abstained |\n| --- | --- | --- | --- |\n{by_shape}\n\n"
        + table(times(judge.schema, [each for each in asked if each.sql and not each.follows]))
    )


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.0f} %)"


def _unseen(schema: Schema) -> str:
    """Other questions, of sources that this lake does not have: how many are understood at all."""
    if not (folder := os.environ.get("MANTISSA_TEST_DATA")):
        return ""
    lines = [json.loads(each) for each in (Path(folder) / "nl-questions.jsonl").read_text("utf-8").splitlines()]
    understood = [each for each in lines if isinstance(parse(each["question"], schema, NOW), Understood)]
    return f"| other sources' (no gold here) | {len(lines)} | {len(understood)} understood | | the rest |"


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
