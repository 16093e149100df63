"""SIGKILL at every step of signal → alert → outbox → POST → mark: nothing lost, doubled only where that must be.

Two receivers keep a ledger of what they got. ``once`` drops a key that it knows, as PagerDuty does; ``every`` shows all
it gets. A message is doubled there in one case alone: it was posted, and the process died before that was marked.
The next process comes after the dead one's lease on the message has run out.
"""

import json
import shutil
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mantissa_core import Runtime
from mantissa_core.alert.outbox import LEASE
from mantissa_core.testing.fake_http import Answer, FakeHTTP

CHILD = Path(__file__).with_name("alert_crash_child.py")
RULE = """
title: A door was forced
id: 3f6f2d53-9a57-4e0e-9d52-6b0f3a1f7b52
status: test
level: high
logsource: {product: generic}
detection:
  selection: {action: forced}
  condition: selection
mantissa: {group_by: [door]}
"""
LOG_TYPE = """
name: test.door
title: Doors
time: {path: at}
columns: [{path: at}, {path: action}, {path: door}]
overlay: {any_resource: [door]}
sigma: {logsources: [{product: generic}]}
examples: [{event: {at: "2026-01-01T00:00:00Z", action: open, door: front}}]
"""
DOORS = ("back", "roof", "back", "gate")
"""Forced one after the other: three alerts, one of them with a repeat."""
STEPS = 52


class Receiver(FakeHTTP):
    """Takes every POST; the ledger holds the keys by path."""

    def __init__(self):
        super().__init__()
        self.ledger = {"once": Counter(), "every": Counter()}

    def answer(self, request):
        self.ledger[request.route.strip("/")][request.headers["idempotency-key"]] += 1
        return Answer()

    @property
    def shown(self):
        """How often people see each message."""
        return {"once": Counter(set(self.ledger["once"])), "every": self.ledger["every"]}


class Zygote:
    """Talks to ``alert_crash_child.py``."""

    def __init__(self, log_types):
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD), str(log_types)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, home, url, at=0, *, later=timedelta(0)):
        self._process.stdin.write(json.dumps([str(home), url, at, later.total_seconds()]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A home whose events are stored and not yet looked at."""
    home = tmp_path_factory.mktemp("template") / "home"
    for folder, name, text in (("rules", "door.yml", RULE), ("log_types", "door.yaml", LOG_TYPE)):
        (home / folder).mkdir(parents=True)
        (home / folder / name).write_text(text)
    with Runtime.open(_settings(home)) as siem:
        siem.ingest(
            "test.door",
            [{"at": f"2026-01-01T00:00:0{n}Z", "action": "forced", "door": door} for n, door in enumerate(DOORS)],
        )
    return home


@pytest.fixture(scope="module")
def zygote(template):
    zygote = Zygote(template / "log_types")
    yield zygote
    zygote.close()


def _settings(home):
    return {
        "home": str(home),
        "rules": {"packs": False, "paths": ["rules"]},
        "log_types": {"paths": ["log_types"]},
    }


@pytest.fixture(scope="module")
def steps(zygote, template, tmp_path_factory):
    """Every step from the stored events to the last mark, in order."""
    home = shutil.copytree(template, tmp_path_factory.mktemp("whole") / "home")
    with Receiver() as receiver:
        outcome, steps = zygote.run(home, receiver.url)
        assert outcome == "done"
        _assert_told(home, receiver, {}, "without a kill")
    return steps


def _assert_told(home, receiver, doubled, where):
    """Every signal is in one alert, each alert was told to both, and nothing is left to do."""
    with Runtime.open(_settings(home)) as siem:
        alerts = siem.alerts.list()
        signals = [row for batch in siem.lake.table("signals").read(siem.lake.table("signals").live()) for row in batch]
        assert sorted(alert.count for alert in alerts) == [1, 1, 2], where
        assert len({name for alert in alerts for name in alert.event_ids}) == len(DOORS), where
        assert [list(siem.outbox.waiting()), list(siem.outbox.dead())] == [[], []], where
        members = [each.value for each in siem.state.scan("alerts", "member/")]
        assert sorted(each["repeat"] for each in members) == [False, False, False, True], where
        assert signals, where
        for alert in alerts:
            attempts = Counter(each["integration_id"] for each in siem.outbox.attempts(alert.id))
            assert attempts == {"once": 1, "every": 1}, where
    for name, shown in receiver.shown.items():
        assert {key.split("-")[0] for key in shown} == {alert.id for alert in alerts}, where
        wanted = {key: 1 + doubled.get((name, key), 0) for key in shown}
        assert shown == wanted, where


def _in_the_window(steps, at):
    """The sink whose POST was answered and not yet marked when the process died at this step."""
    posted = [step for step in steps[:at] if step.startswith("after POST")]
    marked = sum(step.startswith("after commit alerts: -outbox") for step in steps[:at])
    return posted[-1].rpartition(" ")[2] if len(posted) > marked else None


def test_the_steps_are_those_of_the_whole_way(steps):
    kinds = Counter(steps)
    assert len(steps) == STEPS
    assert kinds["before POST to once"] == kinds["after POST to every"] == 3
    named = list(dict.fromkeys(step.partition(" ")[2] for step in steps))
    assert [each for each in named if each.startswith(("commit alerts", "POST"))] == [
        "commit alerts: alert by-rule by-severity by-time group member outbox",
        "commit alerts: outbox",
        "POST to every",
        "commit alerts: -outbox deliveries health",
        "POST to once",
    ]
    assert named.index("commit to the lake") < named.index("commit alert: cursor")


@pytest.mark.parametrize("at", range(1, STEPS + 1))
def test_a_kill_loses_nothing_and_doubles_at_most_what_was_posted_and_not_marked(zygote, template, steps, tmp_path, at):
    home = shutil.copytree(template, tmp_path / "home")
    where = f"killed at step {at} of {len(steps)}: {steps[at - 1]}"
    with Receiver() as receiver:
        assert zygote.run(home, receiver.url, at)[0] == "killed", where
        last = {name: list(ledger)[-1:] for name, ledger in receiver.ledger.items()}
        window = _in_the_window(steps, at)
        assert zygote.run(home, receiver.url, later=LEASE)[0] == "done", where
        doubled = {("every", last["every"][0]): 1} if window == "every" else {}
        _assert_told(home, receiver, doubled, where)
        if window == "once":
            assert receiver.ledger["once"][last["once"][0]] == 2, where  # it came twice, and was shown once


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kills=st.lists(st.integers(1, STEPS), min_size=2, max_size=3))
def test_several_kills_in_a_row_lose_nothing(zygote, template, steps, tmp_path_factory, kills):
    home = shutil.copytree(template, tmp_path_factory.mktemp("home") / "home")
    with Receiver() as receiver:
        for number, at in enumerate(kills):
            zygote.run(home, receiver.url, at, later=number * LEASE)
        assert zygote.run(home, receiver.url, later=len(kills) * LEASE)[0] == "done", kills
        assert set(receiver.shown["once"].values()) == {1}
        assert sum(receiver.shown["every"].values()) <= 3 + len(kills), kills
        doubled = {("every", key): count - 1 for key, count in receiver.shown["every"].items()}
        again = {name: +ledger for name, ledger in receiver.ledger.items()}
        assert zygote.run(home, receiver.url, later=(len(kills) + 1) * LEASE)[0] == "done", kills
        assert receiver.ledger == again, f"run once more after: {kills}"
        _assert_told(home, receiver, doubled, kills)
