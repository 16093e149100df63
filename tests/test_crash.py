"""SIGKILL anywhere between the source and the sink: nothing lost, nothing doubled.

Each trial starts from nothing, is killed at one step (a call of a pipeline function, or its return), then runs to its
end in a new process. It is killed right before and right behind everything that makes something durable, and at steps
spread evenly over a whole run. The next process comes after the dead one's lease on a message has run out: until then
nobody may deliver it.
"""

import json
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from mantissa_core import Runtime
from mantissa_core.alert.outbox import LEASE

CHILD = Path(__file__).with_name("crash_child.py")
POINTS = 92

DURABLE = (
    "lake.parquet.Writer.write",
    "lake.delta.Delta.create",
    "lake.delta.Delta.write",
    "state.sqlite.SQLite.commit_documents",
    "alert.file._append",
)
"""The functions that write what must survive: data files, tables and their log, documents, a delivery."""

LOG_TYPE = """
name: test.door
title: Doors
time: {path: at}
columns: [{path: at}, {path: action}, {path: door}]
overlay: {any_resource: [door]}
sigma: {logsources: [{product: generic}]}
examples: [{event: {at: "2026-01-01T00:00:00Z", action: open, door: front}}]
"""

EVENTS = {
    "a.json": [("opened", "front"), ("forced", "back"), ("opened", "front"), ("opened", "front")],
    "b.json": [("closed", "front"), ("forced", "roof"), ("opened", "front"), None],
}
"""Two identical lines in one file, one more in the other; two forced doors; a line that is no JSON."""


class Zygote:
    """Talks to ``crash_child.py``."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, home, source, at=None, *, later=timedelta(0)):
        self._process.stdin.write(json.dumps([str(home), str(source), at, later.total_seconds()]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


@pytest.fixture(scope="module")
def zygote():
    zygote = Zygote()
    yield zygote
    zygote.close()


def _home(folder):
    home, source = folder / "home", folder / "source"
    (home / "log_types").mkdir(parents=True)
    (home / "log_types" / "door.yaml").write_text(LOG_TYPE)
    source.mkdir()
    for name, events in EVENTS.items():
        lines = [_line(event, second) for second, event in enumerate(events)]
        (source / name).write_text("".join(f"{line}\n" for line in lines))
    return home, source


def _line(event, second):
    if event is None:
        return "{no json"
    action, door = event
    return json.dumps({"at": "2026-01-01T00:00:00Z", "action": action, "door": door})


def _expected():
    return Counter(event for events in EVENTS.values() for event in events if event)


def _stored(home):
    with Runtime.open({"home": str(home), "log_types": {"paths": ["log_types"]}, "rules": {"packs": False}}) as siem:
        tables = {name: siem.lake.table(name) for name in siem.lake.tables()}
        rows = {
            name: [row for batch in table.read(table.live()) for row in batch.to_pylist()]
            for name, table in tables.items()
        }
        return rows, {_protocol(table.url) for table in tables.values()}, list(siem.alerts.list())


def _protocol(url):
    found = DeltaTable(url).protocol()
    return found.min_reader_version, found.min_writer_version


def _assert_exact(home, where):
    rows, protocols, alerts = _stored(home)
    assert Counter((row["action"], row["door"]) for row in rows["test_door"]) == _expected(), where
    assert {name: len(each) for name, each in rows.items()} == {"test_door": 7, "dead_letter": 1, "signals": 2}, where
    assert all(len({row["m_id"] for row in each}) == len(each) for each in rows.values()), where
    assert sum(alert.count for alert in alerts) == 2, where
    assert protocols == {(1, 2)}, where
    delivered = [json.loads(line)["key"] for line in (home / "alerts.ndjson").read_text().splitlines()]
    assert len(delivered) == len(set(delivered)) == len(alerts), where


@pytest.fixture(scope="module")
def steps(zygote, tmp_path_factory):
    """Every step of a whole run, in order."""
    home, source = _home(tmp_path_factory.mktemp("whole"))
    outcome, steps = zygote.run(home, source, 0)
    assert outcome == "done"
    _assert_exact(home, "without a kill")
    return steps


@pytest.fixture(scope="module")
def points(steps):
    """The numbers of the steps that are killed at, counted from 1.

    Every durable one, one in the middle of each stage, and of the others as many as are left, evenly spread.
    """
    durable = {number for number, step in enumerate(steps, 1) if step.split()[1] in DURABLE}
    stages = {}
    for number, step in enumerate(steps, 1):
        stages.setdefault(step.split()[1].split(".")[0], []).append(number)
    chosen = durable | {numbers[len(numbers) // 2] for numbers in stages.values()}
    others = sorted(set(range(1, len(steps) + 1)) - chosen)
    spread = POINTS - len(chosen)
    return sorted([*chosen, *(others[each * (len(others) - 1) // (spread - 1)] for each in range(spread))])


def test_the_kills_strike_every_stage_before_and_behind_every_durable_step(steps, points):
    struck = Counter(steps[number - 1] for number in points)
    assert len(set(points)) == POINTS
    assert {step.split()[1].split(".")[0] for step in struck} == {"collect", "lake", "state", "detect", "alert"}
    tables, commits = 3, struck["call state.sqlite.SQLite.commit_documents"]
    for event in ("call", "return"):
        assert [struck[f"{event} {name}"] for name in DURABLE] == [tables, tables, tables, commits, 2]
    assert commits >= 10


@pytest.mark.parametrize("point", range(POINTS))
def test_a_kill_loses_nothing_and_doubles_nothing(zygote, steps, points, tmp_path, point):
    home, source = _home(tmp_path)
    at = points[point]
    where = f"killed at step {at} of {len(steps)}: {steps[at - 1]}"
    assert zygote.run(home, source, at)[0] == "killed", where
    assert zygote.run(home, source, later=LEASE)[0] == "done", where
    _assert_exact(home, where)
    assert zygote.run(home, source, later=2 * LEASE)[0] == "done", where
    _assert_exact(home, f"run once more after: {where}")


def test_two_kills_in_a_row_are_as_harmless_as_one(zygote, steps, tmp_path):
    home, source = _home(tmp_path)
    assert zygote.run(home, source, len(steps) // 2)[0] == "killed"
    assert zygote.run(home, source, 80)[0] == "killed"
    assert zygote.run(home, source, later=LEASE)[0] == "done"
    _assert_exact(home, "killed twice")
