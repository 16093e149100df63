"""Modules' detectors see every committed batch of their tables; their signals are as good as a rule's."""

import hashlib
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow.compute as pc
import pytest
from mantissa_core import Runtime, maintenance
from mantissa_core.detect.follow.failing import RULE_ID
from mantissa_core.detect.follow.progress import Progress
from mantissa_core.hookspecs import Module, hookimpl
from mantissa_core.model import Detector, Severity, Signal

TABLE = "generic_json"


class Watch:
    """A module with one detector: every message that says "bad" is a signal. It notes what it was shown."""

    def __init__(self, *, tables=(TABLE,), look=None):
        self.seen = []
        self._tables, self._look = tables, look or self._signals

    @hookimpl
    def detectors(self):
        return [Detector("bad", list(self._tables), self._run)]

    def _run(self, table, rows):
        self.seen.append((table, rows["message"].to_pylist()))
        return self._look(table, rows)

    def _signals(self, table, rows):
        hits = rows.filter(pc.equal(rows["message"], "bad"))
        return [signal(row["m_id"], time=row["m_time"], table=table) for row in hits.to_pylist()]


def signal(*event_ids, time=datetime(2026, 1, 1, tzinfo=UTC), table=TABLE, **others):
    """A deterministic signal of these events."""
    identity = hashlib.sha256("\0".join(("watch", *event_ids)).encode()).hexdigest()[:32]
    known = {"rule_id": "watch", "rule_name": "Bad", "severity": Severity.HIGH, "summary": "bad"}
    known |= {"group": {"kind": "bad"}, **others}
    return Signal(id=identity, time=time, table=table, event_ids=event_ids, **known)


@pytest.fixture
def siem(mantissa):
    """An instance without rules."""
    return mantissa(rules={"packs": False})


def _watched(siem, **options):
    watch = Watch(**options)
    siem.host.add(Module, "watch", watch)
    return watch


def _ingest(siem, *messages):
    siem.ingest("generic.json", [{"message": each} for each in messages])


def _stored(siem):
    if "signals" not in siem.lake.tables():
        return []
    table = siem.lake.table("signals")
    return [id_ for batch in table.read(table.live(), ["m_id"]) for id_ in batch["m_id"].to_pylist()]


def test_its_signals_are_stored_and_become_alerts(siem):
    _watched(siem)
    _ingest(siem, "good", "bad", "bad")
    found = siem.detect()
    assert len(found.signals) == len(_stored(siem)) == 2
    (alert,) = siem.alerts.list()
    assert (alert.count, alert.rule_id, alert.severity) == (2, "watch", Severity.HIGH)


def test_it_sees_every_batch_once(siem):
    watch = _watched(siem)
    _ingest(siem, "one")
    siem.detect()
    _ingest(siem, "two", "three")
    siem.detect()
    siem.detect()
    assert watch.seen == [(TABLE, ["one"]), (TABLE, ["two", "three"])]


def test_it_goes_on_behind_what_it_saw_in_another_process(siem):
    _watched(siem)
    _ingest(siem, "bad")
    siem.detect()
    _ingest(siem, "bad")
    with Runtime.open({"home": str(siem.home), "rules": {"packs": False}}) as again:
        watch = _watched(again)
        assert len(again.detect().signals) == 1
        assert watch.seen == [(TABLE, ["bad"])]


def test_a_batch_that_comes_again_changes_nothing(siem):
    _watched(siem)
    _ingest(siem, "bad")
    siem.detect()
    siem.state.update("detect", f"{TABLE}/watch/bad", lambda _: None)  # as if the cursor had not been written
    siem.detect()
    assert len(_stored(siem)) == 1


def test_a_signal_that_was_found_before_is_stored_once(siem):
    _watched(siem, look=lambda *_: [signal("today"), signal("today")])
    _ingest(siem, "one")
    _ingest(siem, "two")
    assert len(siem.detect().signals) == 1
    _ingest(siem, "three")
    assert siem.detect().signals == []
    assert len(_stored(siem)) == 1


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (lambda *_: 1 / 0, "ZeroDivisionError"),
        (lambda *_: exit(3), "SystemExit"),
        (lambda *_: "garbage", "expected a sequence"),
        (lambda *_: [{"id": "a"}], "expected Signal"),
        (lambda *_: [signal("a", time=datetime(2026, 1, 1))], "no zone"),
        (lambda *_: [signal("a", evidence={"when": datetime.now(UTC)})], "not JSON serializable"),
    ],
)
def test_one_that_fails_leaves_a_gap_and_stops_nobody(siem, look, reason):
    _watched(siem, look=look)
    good = Watch()
    siem.host.add(Module, "good", good)
    _ingest(siem, "bad")
    assert len(siem.detect().signals) == 1
    (gap,) = Progress(siem.state).gaps()
    assert (gap.table, gap.rule) == (TABLE, "watch/bad")
    assert reason in gap.error
    assert siem.detect().signals == []


def test_one_that_hangs_is_quarantined_with_its_module(siem):
    released = threading.Event()
    _watched(siem, look=lambda *_: released.wait(20))
    running = siem.host._running
    running["modules/watch"] = replace(running["modules/watch"], deadline=0.05)
    _ingest(siem, "bad")
    assert siem.detect().signals == []
    released.set()
    assert "detector bad" in str(siem.host.quarantine["modules/watch"])


def test_a_table_that_is_not_there_yet_is_no_problem(siem):
    _watched(siem, tables=("nowhere", TABLE, TABLE))
    _ingest(siem, "bad")
    assert len(siem.detect().signals) == 1


def test_maintenance_waits_for_the_slowest_detector(siem):
    _watched(siem)
    _ingest(siem, "one")
    assert maintenance.consumed(siem)[TABLE] == -1
    siem.detect()
    assert maintenance.consumed(siem)[TABLE] == siem.lake.table(TABLE).version()


def test_events_may_be_stored_while_a_detector_looks(siem):
    def look(*_):
        thread = threading.Thread(target=_ingest, args=(siem, "late"))
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
        return []

    watch = _watched(siem, look=look)
    _ingest(siem, "early")
    siem.detect()
    assert watch.seen == [(TABLE, ["early"])]
    assert siem.query("SELECT count(*) AS n FROM generic_json").rows.to_pylist() == [{"n": 2}]


def test_one_that_keeps_failing_opens_an_alert_and_its_gap_is_closed_by_another_try(siem):
    watch = _watched(siem, look=lambda *_: 1 / 0)
    for _ in range(4):
        _ingest(siem, "bad")
        siem.detect()
    (alert,) = siem.alerts.list()
    assert (alert.rule_id, alert.count) == (RULE_ID, 1)
    (known,) = siem.failing.all()
    assert (known.rule, known.failures) == ("watch/bad", 4)
    watch._look = watch._signals
    (done,), found = siem.replay_gaps()
    assert (done.problem, len(found.signals)) == ("", 4)
    _ingest(siem, "good")
    siem.detect()
    assert siem.failing.all() == siem.gaps() == []
