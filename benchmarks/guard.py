"""What guarding a statement costs, beside reading it alone.

    uv run python benchmarks/guard.py [--record]

Every statement of the red team's collection, accepted or refused, in each of its dialects. Reference: sqlglot.parse_one
on the same text, in the same run.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import sqlglot
import yaml
from mantissa_core.errors import QueryError
from mantissa_core.query.guarded import Readable, Window, guard
from record import machine, record, table
from sqlglot.errors import SqlglotError

STATEMENTS = Path(__file__).parents[1] / "packages/mantissa-core/tests/query/redteam.yaml"
TABLE = Readable("auth_events", "ts", None, Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC)))
READS = {"athena": "trino"}
ROUNDS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the figures to RESULTS.md")
    options = parser.parse_args()
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    text = report()
    print(text)
    if options.record:
        record("guard", text)


def report() -> str:
    """The section for RESULTS.md."""
    cases = list(collection())
    both = [(milliseconds(judge, case), milliseconds(read, case), judge(*case)) for case in cases]
    accepted = [(ours, bare) for ours, bare, fits in both if fits]
    refused = [(ours, bare) for ours, bare, fits in both if not fits]
    rows = [
        ("all statements: p95, CPU-ms", f"**{p95([ours for ours, _, _ in both]):.2f}**", "≤ 5"),
        ("accepted: p50, p95, longest, CPU-ms", figures([ours for ours, _ in accepted]), ""),
        ("refused: p50, p95, longest, CPU-ms", figures([ours for ours, _ in refused]), ""),
        ("sqlglot.parse_one alone, on the accepted: p50, p95, longest", figures([bare for _, bare in accepted]), ""),
        (
            "ratio, guarded to read, median of the accepted",
            f"**{median(ours / bare for ours, bare in accepted):.2f}**",
            "",
        ),
    ]
    return (
        f"`uv run python benchmarks/guard.py --record`, {machine()}, sqlglot {sqlglot.__version__}.\n\n"
        f"{len(cases)} statements for four dialects, {len(accepted)} accepted, {len(refused)} refused; the median of "
        f"{ROUNDS} runs of each, after one to warm up. Other work ran on the machine at the same time.\n\n"
        + table(rows)
    )


def collection() -> Iterator[tuple[str, str]]:
    """Pairs of statement and dialect."""
    for engines in yaml.safe_load(STATEMENTS.read_text("utf-8")).values():
        for dialect, kinds in engines.items():
            for statements in kinds.values():
                yield from ((sql, dialect) for sql in statements)


def judge(sql: str, dialect: str) -> bool:
    """Guard the statement; whether it may run."""
    try:
        guard(sql, [TABLE], dialect)
    except QueryError:
        return False
    return True


def read(sql: str, dialect: str) -> bool:
    """Read the statement; whether that is possible."""
    try:
        sqlglot.parse_one(sql, read=READS.get(dialect, dialect))
    except SqlglotError:
        return False
    return True


def milliseconds(function: Callable[[str, str], object], case: tuple[str, str]) -> float:
    """CPU time of one call, the median of several."""
    function(*case)
    taken = []
    for _ in range(ROUNDS):
        started = time.process_time()
        function(*case)
        taken.append((time.process_time() - started) * 1000)
    return median(taken)


def p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]


def figures(values: list[float]) -> str:
    return f"{median(values):.2f}, {p95(values):.2f}, {max(values):.2f}"


if __name__ == "__main__":
    main()
