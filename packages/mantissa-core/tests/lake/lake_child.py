"""One process that writes to the table ``events`` of a lake, or compacts it, until it is told that it is enough.

    python lake_child.py write URL WRITER ROUNDS HASTE
    python lake_child.py compact URL DELAY

It says ``ready`` on standard output and begins when a line comes in. A writer in HASTE stages everything before that,
on a snapshot that is old by the time it commits. A compactor waits DELAY seconds between its plan and its commit, and
goes on until its input ends; then it says how many days it compacted.
"""

from __future__ import annotations

import sys
import threading
import time

from conftest import make_rows
from mantissa_core.lake.compact import compact
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.table import Table


def ready() -> None:
    """Wait for the others."""
    print("ready", flush=True)
    sys.stdin.readline()


def write(url: str, writer: int, rounds: int, haste: bool) -> None:
    """Commit one row a round."""
    table = Lake.open(url).table("events")
    numbers = [writer * 1000 + seq for seq in range(rounds)]
    staged = [table.stage(make_rows(number)) for number in numbers] if haste else []
    ready()
    for seq, number in enumerate(numbers):
        files = staged[seq] if haste else table.stage(make_rows(number))
        table.commit(files, {f"stream-{writer}": seq})


def tidy(url: str, delay: float) -> None:
    """Compact again and again."""
    table, maintain, ended = Lake.open(url).table("events"), Table.maintain, threading.Event()

    def late(self: Table, *args: object, **kwargs: object) -> int | None:
        time.sleep(delay)
        return maintain(self, *args, **kwargs)  # type: ignore[arg-type]

    Table.maintain = late  # type: ignore[method-assign]
    table.live()
    ready()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    days = 0
    while not ended.is_set():
        days += len(compact(table, force=True).days)
    print(days, flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", url, writer, rounds, haste]:
            write(url, int(writer), int(rounds), haste == "True")
        case ["compact", url, delay]:
            tidy(url, float(delay))
