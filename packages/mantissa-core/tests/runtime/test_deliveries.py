"""What an instance does about its destinations: others are told, modules hear, tests go all the way."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from mantissa_core import Runtime, canaries, catalog
from mantissa_core.alert.lifecycle import Step
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.product import CANARY, DELIVERY
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import AlertSink, Module, PluginConfig, hookimpl
from mantissa_core.model import Receipt, Severity, Signal
from mantissa_core.service import Service

PATIENCE = 30


class Recorder:
    """A sink, and a module, that fails with what ``fault`` holds. One of each name for the whole test."""

    class Config(PluginConfig):
        """Which one it is."""

        name: str = "x"

    all: ClassVar[dict] = {}

    def __init__(self, config):
        known = self.all.setdefault(config.name, self)
        if known is not self:
            self.__dict__ = known.__dict__
            self.starts += 1
            return
        self.got, self.fault, self.only, self.hangs, self.starts = [], None, None, None, 1

    @hookimpl
    def deliver(self, delivery):
        if self.hangs:
            self.hangs.wait(PATIENCE)
        if self.fault and self.only in (None, delivery.alert.rule_id):
            raise self.fault
        self.got.append(delivery)
        return Receipt("ok")


class Playbook(Recorder):
    """A module that hears of new alerts."""

    @hookimpl
    def alert_created(self, alert):
        if self.fault:
            raise self.fault
        self.got.append(alert)


class Deaf:
    """A module that does not."""

    class Config(PluginConfig):
        """Nothing to set."""

    def __init__(self, config):
        pass


PLUGINS = {"test.recorder": Recorder, "test.playbook": Playbook, "test.deaf": Deaf}


@pytest.fixture
def siem(tmp_path, monkeypatch):
    """``siem(sinks={...}, modules={...})``: an instance whose sinks record."""
    real = catalog.load
    monkeypatch.setattr(catalog, "load", lambda group, name: PLUGINS.get(name) or real(group, name))
    monkeypatch.setattr(Recorder, "all", {})
    opened = []

    def make(sinks=("one", "two"), modules=(), **config):
        named = (
            {each: {"plugin": "test.recorder", "name": each} for each in sinks}
            if not isinstance(sinks, dict)
            else sinks
        )
        runtime = Runtime.open(
            {
                "home": str(tmp_path),
                "rules": {"packs": False},
                "sinks": named,
                "modules": {each: {"plugin": f"test.{each}"} for each in modules},
                **config,
            }
        )
        opened.append(runtime)
        runtime.plugins(AlertSink)
        return runtime

    yield make
    for each in opened:
        each.close()


def _signal(name, **changes):
    values = {"rule_id": "r", "rule_name": "Rule", "severity": Severity.HIGH, "summary": f"summary {name}"}
    values |= {"time": datetime.now(UTC), "table": "t", "event_ids": (name,), "group": {"name": name}}
    return Signal(id=name, **{**values, **changes})


def _told(label, rule=DELIVERY):
    return [(each.event, each.alert.summary) for each in Recorder.all[label].got if each.alert.rule_id == rule]


def test_a_refusal_is_told_to_the_others_once_an_hour(siem):
    runtime = siem()
    Recorder.all["one"].fault = NeedsOperator("the token is revoked")
    for name in "abc":
        runtime.announce([_signal(name)])
        runtime.deliver()
    [(event, summary)] = _told("two")
    assert event == "opened"
    assert summary.startswith("one: refuses alerts: the token is revoked")
    assert {each.destination for each in runtime.outbox.dead()} == {"one"}
    assert _told("one") == []
    assert [each.severity for each in runtime.alerts.list(rule=DELIVERY)] == [Severity.HIGH]


def test_where_all_refuse_it_ends(siem):
    runtime = siem()
    for label in ("one", "two"):
        Recorder.all[label].fault = NeedsOperator("no")
    runtime.announce([_signal("a")])
    for _ in range(5):
        runtime.deliver()
    told = runtime.alerts.list(rule=DELIVERY)
    assert sorted(each.entities["target"][0] for each in told) == ["one", "two"]
    assert list(runtime.outbox.waiting()) == []


def test_a_refusal_of_an_alert_about_a_destination_is_not_told_again(siem):
    runtime = siem(sinks=["one", "two", "three"])
    Recorder.all["one"].fault = Recorder.all["two"].fault = NeedsOperator("no")
    Recorder.all["two"].only = DELIVERY
    runtime.announce([_signal("a")])
    for _ in range(3):
        runtime.deliver()
    assert [each.alert.entities["target"] for each in Recorder.all["three"].got if each.alert.rule_id == DELIVERY] == [
        ("one",)
    ]


def test_an_only_destination_is_not_told_about_itself(siem):
    runtime = siem(sinks=["one"])
    Recorder.all["one"].fault = NeedsOperator("no")
    runtime.announce([_signal("a")])
    runtime.deliver()
    assert [each.entities["target"] for each in runtime.alerts.list(rule=DELIVERY)] == [("one",)]
    assert [each.alert_id for each in runtime.outbox.dead()] == [
        each.id for each in runtime.alerts.list() if each.rule_id != DELIVERY
    ]


def test_an_outage_is_told_after_five_minutes_and_resolved_when_it_is_over(siem):
    runtime = siem()
    now = [datetime.now(UTC)]
    runtime.outbox = Outbox(runtime.state, runtime.plugins(AlertSink), clock=lambda: now[0])
    Recorder.all["one"].fault = Retry("503 Service Unavailable")
    runtime.announce([_signal(name) for name in "abcde"])

    def after(**span):
        now[0] += timedelta(**span)
        runtime.outbox.dispatch()
        runtime.report_deliveries(now[0])
        runtime.outbox.dispatch()

    after(seconds=1)
    after(minutes=4)
    assert _told("two") == []
    after(minutes=2)
    after(minutes=1)
    [(event, summary)] = _told("two")
    assert (event, summary[:31]) == ("opened", "one: no alert gets there since ")
    assert "503 Service Unavailable" in summary
    Recorder.all["one"].fault = None
    after(minutes=10)
    after(seconds=1)
    assert [event for event, _ in _told("two")] == ["opened", "resolved"]
    assert _told("one") == []
    [alert] = runtime.alerts.list(rule=DELIVERY)
    assert (alert.status, alert.changed_by) == ("resolved", "mantissa")
    assert len({each.alert.id for each in Recorder.all["one"].got}) == 5


def test_a_sink_that_does_not_answer_is_started_anew_by_the_probe(siem):
    runtime = siem(sinks={"one": {"plugin": "test.recorder", "name": "one", "deadline": 1}})
    now = [datetime.now(UTC)]
    box = runtime.outbox
    box._clock = lambda: now[0]
    sink = Recorder.all["one"]
    sink.hangs = threading.Event()
    runtime.announce([_signal("a"), _signal("b")])
    now[0] += timedelta(seconds=1)
    assert box.dispatch() == 0
    assert (box.circuit("one").state, sink.starts) == ("open", 1)
    assert "no answer within 1 s" in box.circuit("one").error
    sink.hangs, released = None, sink.hangs
    released.set()
    sink.got.clear()
    now[0] += timedelta(seconds=31)
    assert box.dispatch() == 2
    assert sink.starts == 2


def test_a_module_hears_of_each_new_alert_without_its_secrets(siem):
    runtime = siem(modules=["playbook", "deaf"])
    runtime.plugins(Module)
    runtime.announce([_signal("a", summary="password=Sup3rS3cretPhrase of amara@example.com")])
    [alert] = runtime.alerts.list()
    runtime.deliver()
    runtime.lifecycle.change(alert.id, Step.RESOLVE, by="amara")
    runtime.deliver()
    [heard] = Recorder.all["x"].got
    assert heard.id == alert.id
    assert "Sup3rS3cretPhrase" not in heard.summary
    assert "amara@example.com" in heard.summary
    assert "modules/playbook" in runtime.destinations()
    assert "modules/deaf" not in runtime.destinations()


def test_a_module_that_fails_is_told_again(siem):
    runtime = siem(sinks=["one"], modules=["playbook"])
    runtime.plugins(Module)
    module = Recorder.all["x"]
    module.fault = Retry("not yet")
    runtime.announce([_signal("a")])
    assert runtime.deliver() == 1
    [waiting] = runtime.outbox.waiting()
    assert (waiting.destination, waiting.error) == ("modules/playbook", "not yet")
    module.fault = None
    runtime.outbox._clock = lambda: datetime.now(UTC) + timedelta(seconds=11)
    assert runtime.outbox.dispatch() == 1
    assert len(module.got) == 1


def test_health_says_how_each_destination_is_and_why(siem):
    runtime = siem()
    Recorder.all["one"].fault = Retry("busy")
    runtime.announce([_signal("a")])
    runtime.deliver()
    one, two = runtime.sink_health()
    assert (one.destination, one.grade, one.total_attempts, one.failed) == ("one", "unhealthy", 1, 1)
    assert ([each.reason for each in one.failures], one.last_success, one.circuit) == (["busy"], None, "closed")
    assert one.oldest_waiting is not None
    assert (two.grade, two.success_rate, two.successful) == ("healthy", 1.0, 1)
    later = datetime.now(UTC) + timedelta(days=2)
    runtime.sink_healths.store("two", datetime.now(UTC))
    runtime.outbox._clock = lambda: later
    after = runtime.sink_healths.evaluate("two", later)
    assert (after.grade, after.success_rate, after.last_success) == ("unknown", None, two.last_success)


def test_what_was_refused_is_tried_again_when_the_settings_change(siem):
    runtime = siem(sinks=["one"])
    assert runtime.notice_changes() == []
    Recorder.all["one"].fault = NeedsOperator("no such channel")
    runtime.announce([_signal("a")])
    runtime.deliver()
    assert runtime.notice_changes() == []
    runtime.close()
    again = siem(sinks={"one": {"plugin": "test.recorder", "name": "one", "severity_filter": ["high"]}})
    Recorder.all["one"].fault = None
    assert again.notice_changes() == ["one"]
    assert again.deliver() == 1
    assert again.notice_changes() == []


def test_a_test_goes_all_the_way_and_is_no_alert_like_others(siem):
    quiet = {"plugin": "test.recorder", "name": "quiet", "canary": False}
    picky = {"plugin": "test.recorder", "name": "picky", "severity_filter": ["critical"]}
    runtime = siem(sinks={"picky": picky, "quiet": quiet}, modules=["playbook"])
    canary = canaries.run(runtime, PATIENCE)
    assert (canary.destinations, canary.missing, canary.alerted) == (("picky",), (), True)
    assert canary.arrived["picky"] > 0
    [(event, summary), (after, _)] = _told("picky", CANARY)
    assert (event, after) == ("opened", "resolved")
    assert "This is a test: nothing happened." in summary
    assert Recorder.all["quiet"].got == Recorder.all.get("x", Recorder.all["quiet"]).got == []
    [alert] = runtime.alerts.list()
    assert (alert.status, alert.severity, alert.id) == ("resolved", Severity.INFORMATIONAL, canary.alert)
    assert runtime.verdicts.precision() == []
    test = runtime.sink_health()[0].last_test
    assert test.success
    assert "arrived after" in test.detail


def test_a_test_that_does_not_arrive_is_told_elsewhere(siem):
    runtime = siem()
    Recorder.all["one"].fault = Retry("503")
    canary = canaries.run(runtime, 0.5)
    assert canary.missing == ("one",)
    [(_, summary)] = _told("two")
    assert summary.startswith("one: a test alert did not get there within")
    assert not runtime.sink_health()[0].last_test.success


def test_a_test_that_never_becomes_an_alert_is_told_to_all(siem):
    runtime = siem(canary={"every": "1h", "within": "1s"})
    assert canaries.send_when_due(runtime)
    assert not canaries.send_when_due(runtime)
    canaries.look(runtime)
    assert runtime.alerts.list() == []
    time.sleep(1.1)
    canaries.look(runtime)
    canaries.look(runtime)
    runtime.deliver()
    for label in ("one", "two"):
        [(_, summary)] = _told(label)
        assert summary.startswith("pipeline: a test event did not become an alert")


def test_the_service_sends_tests_and_delivers_at_once(siem):
    runtime = siem(canary={"every": "1h"})
    stop = threading.Event()
    thread = threading.Thread(target=Service(runtime).run, args=(stop,))
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE
        while not (_told("one", CANARY) and _told("two", CANARY)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert not thread.is_alive()
