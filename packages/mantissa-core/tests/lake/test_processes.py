"""Writers and compactors in processes of their own, as they run on several machines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from deltalake import DeltaTable
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.spec import TableSpec
from mantissa_core.lake.verify import verify

CHILD = Path(__file__).with_name("lake_child.py")
WRITERS, ROUNDS = 4, 15


class Child:
    """A process of ``lake_child.py``, ready to begin."""

    def __init__(self, *words: object) -> None:
        command = [sys.executable, str(CHILD), *map(str, words)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def await_ready(self) -> None:
        """Return once it could begin."""
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"

    def begin(self) -> None:
        """Let it go."""
        assert self._process.stdin
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def result(self) -> list[int]:
        """The numbers that it printed, when it has ended well."""
        output, _ = self._process.communicate(timeout=60)  # closes its input, which ends a compactor
        assert self._process.returncode == 0
        return [int(word) for word in output.split()]

    def kill(self) -> None:
        """End it, however it stands."""
        self._process.kill()
        self._process.communicate()


def test_four_writers_and_two_compactors_in_processes_lose_and_double_nothing(
    lake: Lake, spec: TableSpec, numbers: Callable[..., list[int]]
) -> None:
    """Two writers staged on a snapshot that is old by then; one compactor commits long after it has planned."""
    table = lake.ensure(spec)
    compactors = [Child("compact", lake.url, delay) for delay in (0, 0.05)]
    writers = [Child("write", lake.url, writer, ROUNDS, writer % 2 == 0) for writer in range(WRITERS)]
    try:
        for child in (*compactors, *writers):
            child.await_ready()
        for child in (*compactors, *writers):
            child.begin()
        for child in writers:
            child.result()
        days = [child.result()[0] for child in compactors]
    finally:
        for child in (*compactors, *writers):
            child.kill()
    assert sum(days) > 0
    assert numbers(lake) == [writer * 1000 + seq for writer in range(WRITERS) for seq in range(ROUNDS)]
    assert sum(file.rows for _, files in table.added(0) for file in files) == WRITERS * ROUNDS
    assert verify(lake) == []
    protocol = DeltaTable(table.url).protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2)
