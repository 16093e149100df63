"""Hours of live collection from all sources at once, under faults and kills, compressed in time.

    uv run python benchmarks/live.py [--hours 2] [--seed 1] [--keep FOLDER] [--record] [FILE...]

Starts the fakes of every package (their ``tests/live.py``, or those that are named) and one instance that reads them
all. Events appear, some late; fakes throttle, fail, break off and refuse; the collecting process is killed in the
middle of its work. In the end each table is compared with what was put. Exit code 1: something is missing, doubled or
left out, or memory grew.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from mantissa_core.testing.live import found
from mantissa_core.testing.live_run import Compared, Outcome, Plan, run
from record import machine, record

ROOT = Path(__file__).resolve().parent.parent
MOST_GROWTH = 0.10
"""Share by which memory may grow in the second hour."""


def main() -> None:
    """Run, print, and fail where anything is not as it was put."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="live.py files; default: all")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the instance; default: a temporary one")
    parser.add_argument("--record", action="store_true", help="write the figures to RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mantissa-live-") as temporary:
        plan = Plan(hours=options.hours, seed=options.seed)
        outcome = run(options.files or found(ROOT), options.keep or Path(temporary), plan)
    text = report(plan, outcome)
    print(text)
    for each in outcome.compared:
        if not each.equal:
            print(f"{each.label}: {each}", file=sys.stderr)
    if options.record:
        record("live", text)
    sys.exit(not good(outcome))


def good(outcome: Outcome) -> bool:
    """Whether everything is there once, nothing was left out, and memory is flat."""
    return (
        all(each.equal for each in outcome.compared)
        and not outcome.gaps
        and not outcome.dead_letters
        and outcome.growth <= MOST_GROWTH
    )


def report(plan: Plan, outcome: Outcome) -> str:
    """The section for RESULTS.md."""
    rows = [f"| `{each.label}` | `{each.table}` | {each.put:,} | {_differences(each)} |" for each in outcome.compared]
    dropped = sum(each.figures.duplicates for each in outcome.streams)
    faults = ", ".join(f"{name} {times}" for name, times in sorted(outcome.faults.items()))
    memory = [round(each / 1e6) for each in outcome.memory]
    lines = [
        f"`uv run python benchmarks/live.py --record`, {machine()}.",
        "",
        f"{plan.hours:g} simulated hours and {len({each.label for each in outcome.compared})} collectors in "
        f"{outcome.seconds:,.0f} seconds, seed {plan.seed}; every {plan.every / 60:g} minutes each is read. "
        f"{outcome.faults.total()} faults ({faults}); the collecting process was killed {outcome.kills} times.",
        "",
        f"Streams with gaps: {', '.join(outcome.gaps) or 'none'}. Dead letters: {outcome.dead_letters}. Repeats "
        f"dropped before the commit: {dropped:,}. Memory of the last process: {memory[0]} MB at first, {min(memory)} "
        f"to {max(memory)} MB, {memory[-1]} MB in the end; {outcome.growth:+.1%} from its second fifth to its last.",
        "",
        "| collector | table | events put | missing | doubled | foreign |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    return "\n".join(lines)


def _differences(compared: Compared) -> str:
    return f"{len(compared.missing)} | {len(compared.doubled)} | {len(compared.foreign)}"


if __name__ == "__main__":
    main()
