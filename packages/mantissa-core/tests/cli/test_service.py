"""The service runs every stage until it is stopped, and outlives whatever fails in one of them."""

import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from mantissa_core import Runtime
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector, Module, Receiver, hookimpl
from mantissa_core.model import Job, Page, Stream
from mantissa_core.service import Service

from .conftest import event, write_lines

PATIENCE = 20


@pytest.fixture
def runtime(home):
    """The instance, open."""
    with Runtime.open(home) as opened:
        yield opened


@contextmanager
def running(runtime, pauses=0.002):
    """The service at work; stopped, and awaited, at the end."""
    stop = threading.Event()
    thread = threading.Thread(target=Service(runtime, pauses=pauses).run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def eventually(holds):
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


class Scripted:
    """A collector whose reads do what a list says: raise an error, or yield records."""

    def __init__(self, *acts):
        self.acts, self.reads = list(acts), 0

    @hookimpl
    def streams(self):
        return [Stream("all", "acme.audit", windowed=False)]

    @hookimpl
    def read(self, stream, window, state):
        self.reads += 1
        act = self.acts.pop(0) if self.acts else []
        if isinstance(act, BaseException):
            raise act
        if act:
            yield Page({"n": self.reads}, records=act)


def _scripted(runtime, *acts, collector=None):
    collector = collector or Scripted(*acts)
    runtime.host.add(Collector, "scripted", collector)
    return collector


def _stored(runtime):
    return sum(file.rows for file in runtime.lake.table("acme_audit").live()) if runtime.lake.tables() else 0


def test_events_that_arrive_become_alerts_and_deliveries(home, runtime):
    sink = home / "alerts.ndjson"
    with running(runtime):
        write_lines(home / "incoming" / "a.log", event(1), event(2, "open_vault"))
        eventually(lambda: sink.exists() and sink.read_text().count("\n") == 1)
        write_lines(home / "incoming" / "a.log", event(700, "open_vault"))
        eventually(lambda: sink.read_text().count("\n") == 2)
    assert _stored(runtime) == 3


def test_a_source_that_fails_is_tried_again_and_loses_nothing(runtime):
    collector = _scripted(
        runtime, Retry("busy", 1.0), [event(1)], RuntimeError("bug"), NeedsOperator("token"), [event(2)]
    )
    with running(runtime):
        eventually(lambda: collector.reads > 5)
        eventually(lambda: _stored(runtime) == 2)


def test_the_same_failure_is_logged_once(runtime):
    structlog.reset_defaults()  # a command run earlier in this process may have set a level
    _scripted(runtime, *[Retry("the source is busy", 1.0)] * 3, [event(1)])
    with structlog.testing.capture_logs() as logged, running(runtime):
        eventually(lambda: any(each["event"] == "loop recovered" and each["failures"] == 3 for each in logged))
    failures = Counter(each["reason"] for each in logged if each["event"] == "loop failed")
    assert failures == {"the source is busy": 1}
    assert _stored(runtime) == 1


def test_a_crash_of_one_stage_does_not_stop_the_others(home, runtime, monkeypatch):
    crashes = []

    def crashing():
        crashes.append(1)
        raise ZeroDivisionError("in delivery")

    monkeypatch.setattr(runtime.outbox, "wake", crashing)
    with running(runtime):
        eventually(lambda: len(crashes) > 2)
        write_lines(home / "incoming" / "a.log", event(1, "open_vault"))
        eventually(lambda: runtime.alerts.list())


def test_receivers_listen_and_jobs_run(runtime):
    got, ran = threading.Event(), threading.Event()

    class Door:
        @hookimpl
        def listen(self, submit, stop):
            submit("acme.audit", [event(1, "open_vault")])
            got.set()
            stop.wait()

    class Chores:
        @hookimpl
        def jobs(self):
            return [Job("sweep", timedelta(seconds=1), lambda runtime: ran.set())]

    runtime.host.add(Receiver, "door", Door())
    runtime.host.add(Module, "chores", Chores())
    with running(runtime):
        assert got.wait(PATIENCE)
        assert ran.wait(PATIENCE)
        eventually(lambda: runtime.alerts.list())


def test_stopping_finishes_the_page_in_hand(runtime):
    reading, go_on = threading.Event(), threading.Event()

    class Slow(Scripted):
        @hookimpl
        def read(self, stream, window, state):
            reading.set()
            go_on.wait(PATIENCE)
            yield Page({"n": 1}, records=[event(1)])
            yield Page({"n": 2}, records=[event(2)])

    _scripted(runtime, collector=Slow())
    stop = threading.Event()
    thread = threading.Thread(target=Service(runtime, pauses=0.002).run, args=(stop,))
    thread.start()
    assert reading.wait(PATIENCE)
    stop.set()
    go_on.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert _stored(runtime) == 1


def test_alerts_that_nobody_takes_are_escalated(home):
    with (home / "mantissa.toml").open("a") as file:
        file.write('[sinks.boss]\nplugin = "core.file"\npath = "boss.ndjson"\nseverity_filter = []\n')
        file.write('[routes.all]\nto = ["log"]\nescalation = "up"\n')
        file.write('[escalations.up]\nsteps = [{ after = "1s", to = ["boss"] }]\n')
    write_lines(home / "incoming" / "a.log", event(1, "open_vault"))
    with Runtime.open(home) as runtime, running(runtime):
        eventually(lambda: (home / "boss.ndjson").exists() and (home / "boss.ndjson").read_text())
    assert len((home / "boss.ndjson").read_text().splitlines()) == 1


def test_scheduled_rules_run_and_their_alerts_are_opened(home):
    (home / "rules" / "knocks.yml").write_text(
        "title: Knocks\nid: knocks\nquery: SELECT m_id FROM acme_audit\nschedule_expression: rate(1 minute)\n"
    )
    with Runtime.open(home) as runtime:
        runtime.ingest("acme.audit", [event(1)])
        runtime.run_schedules()
        past = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
        runtime.state.update("schedule-runs", "knocks", lambda old: {**old, "reached": past, "succeeded": past})
        with running(runtime):
            eventually(lambda: runtime.alerts.list(rule="knocks"))


def test_a_throttled_stream_does_not_hold_up_its_neighbour(runtime):
    class Two(Scripted):
        @hookimpl
        def streams(self):
            return [Stream("busy", "acme.audit", windowed=False), Stream("calm", "acme.audit", windowed=False)]

        @hookimpl
        def read(self, stream, window, state):
            if stream.name == "busy":
                raise Retry("slow down", 1e9)
            self.reads += 1
            yield Page({"n": self.reads}, records=[event(self.reads)])

    collector = _scripted(runtime, collector=Two())
    with running(runtime):
        eventually(lambda: collector.reads > 3)
    assert runtime.attempts.get("scripted", "busy").failures == 1
    assert runtime.attempts.get("scripted", "calm").failures == 0


def test_a_changed_secret_ends_the_pause_of_a_source_that_was_refused(home, tmp_path):
    (home / "mantissa.toml").write_text(
        (home / "mantissa.toml").read_text() + '[collectors.late]\nplugin = "core.file"\nlog_type = "acme.audit"\n'
        'path = "secret://place"\n'
    )
    (tmp_path / "mended").mkdir()
    write_lines(tmp_path / "mended" / "a.log", event(1))
    with Runtime.open(home) as opened:
        opened.secrets.put_secret("place", str(tmp_path / "nowhere"), 0)
        with running(opened):
            eventually(lambda: opened.attempts.get("late", "").kind == "operator")
            opened.secrets.put_secret("place", str(tmp_path / "mended"), 1)
            eventually(lambda: _stored(opened) == 1)
        assert not opened.attempts.get("late", "").failing


def test_what_this_process_stores_is_alerted_on_without_waiting_for_the_next_look(home, runtime):
    sink = home / "alerts.ndjson"
    with running(runtime, pauses=1000):
        for number in (1, 2):  # the second comes while the loops rest
            runtime.ingest("acme.audit", [event(number * 700, "open_vault")])
            eventually(lambda seen=number: sink.exists() and sink.read_text().count("\n") == seen)
