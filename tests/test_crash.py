"""SIGKILL anywhere between the source and the sink: nothing lost, nothing doubled.

Each trial starts from nothing, is killed at one call of a pipeline function, then runs to its end in a new process.
The points are spread evenly over all calls of a whole run, so that every stage is hit.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from mantissa_core import Runtime

CHILD = Path(__file__).with_name("crash_child.py")
POINTS = 60

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

    def run(self, home, source, at=0):
        self._process.stdin.write(json.dumps([str(home), str(source), at]) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

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
        return rows, {table.protocol() for table in tables.values()}, list(siem.alerts.list())


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
def calls(zygote, tmp_path_factory):
    home, source = _home(tmp_path_factory.mktemp("whole"))
    answer = zygote.run(home, source)
    assert answer.startswith("done"), answer
    _assert_exact(home, "without a kill")
    return int(answer.split()[1])


@pytest.mark.parametrize("point", range(POINTS))
def test_a_kill_loses_nothing_and_doubles_nothing(zygote, calls, tmp_path, point):
    home, source = _home(tmp_path)
    at = 1 + point * (calls - 1) // (POINTS - 1)
    assert zygote.run(home, source, at) == "killed"
    assert zygote.run(home, source).startswith("done")
    _assert_exact(home, f"killed at call {at} of {calls}")
    assert zygote.run(home, source).startswith("done")
    _assert_exact(home, f"run once more after a kill at call {at} of {calls}")


def test_two_kills_in_a_row_are_as_harmless_as_one(zygote, calls, tmp_path):
    home, source = _home(tmp_path)
    assert zygote.run(home, source, calls // 2) == "killed"
    assert zygote.run(home, source, 40) == "killed"
    assert zygote.run(home, source).startswith("done")
    _assert_exact(home, "killed twice")
