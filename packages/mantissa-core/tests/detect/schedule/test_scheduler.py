"""Scheduled rules: once each, whatever happens in between and whoever else is at it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from mantissa_core.detect.follow.failing import FAILING
from mantissa_core.detect.schedule.runs import LEASE
from mantissa_core.detect.signals import SIGNALS
from mantissa_core.errors import LakeError, QueryError, RuleError

BAD = {"name": "bad", "user": {"name": "bob"}}


def test_a_schedule_begins_with_the_first_look_and_then_runs_on_time(bench, sql_rule):
    bench.ingest({**BAD, "at": "21T08:58:00"}, {**BAD, "at": "21T08:59:00"})
    scheduler = bench.scheduler(sql_rule())
    assert scheduler.run() == []
    bench.clock.set("21T09:04:59")
    ids = bench.ingest({**BAD, "at": "21T09:01:00"}, {**BAD, "at": "21T09:02:00"}, {**BAD, "at": "21T09:05:00"})
    assert scheduler.run() == []
    bench.clock.set("21T09:05:01")
    (signal,) = scheduler.run()
    assert sorted(signal.event_ids) == sorted(ids[:2])  # 09:05 belongs to the next window
    assert signal.time == datetime(2026, 11, 21, 9, 5, tzinfo=UTC)
    assert (signal.evidence["from"], signal.evidence["to"]) == (
        "2026-11-21T09:00:00+00:00",
        "2026-11-21T09:05:00+00:00",
    )
    assert scheduler.run() == []
    run = bench.runs.all()[signal.rule_id]
    assert (run.last_executed, run.rows, run.signals, run.error) == ("2026-11-21T09:05:01+00:00", 2, 1, "")


def test_it_fires_above_the_threshold_and_not_at_it(bench, sql_rule):
    bench.ingest(*({**BAD, "at": f"21T09:0{n}:00"} for n in range(3)))
    scheduler = bench.scheduler(sql_rule(threshold={"type": "count", "value": 3}))
    scheduler.run()
    bench.clock.set("21T09:05:00")
    assert scheduler.run() == []
    assert bench.runs.all()[sql_rule().id].rows == 3


def test_a_log_type_without_events_is_an_empty_table(bench, sql_rule):
    scheduler = bench.scheduler(sql_rule())
    scheduler.run()
    bench.clock.set("21T09:05:00")
    assert scheduler.run() == []
    assert bench.runs.all()[sql_rule().id].error == ""


def test_what_was_missed_is_caught_up_by_one_run(bench, sql_rule):
    scheduler = bench.scheduler(sql_rule())
    scheduler.run()
    bench.ingest({**BAD, "at": "21T09:07:00"}, {**BAD, "at": "21T09:31:00"})
    bench.clock.set("21T09:42:00")
    (due,) = scheduler.due()
    assert (due.start, due.at) == (
        datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        datetime(2026, 11, 21, 9, 40, tzinfo=UTC),
    )
    (signal,) = scheduler.run()
    assert len(signal.event_ids) == 2
    assert scheduler.run() == []


def test_of_two_processes_one_runs(bench, sql_rule):
    bench.ingest({**BAD, "at": "21T09:01:00"}, {**BAD, "at": "21T09:02:00"})
    one, two = bench.scheduler(sql_rule()), bench.scheduler(sql_rule())
    one.run()
    bench.clock.set("21T09:05:00")
    found: list[object] = []
    threads = [threading.Thread(target=lambda each=each: found.extend(each.run())) for each in (one, two)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == len(bench.stored()) == 1


def test_a_claim_can_be_had_once_and_again_when_its_process_died(bench, sql_rule):
    rule, at = sql_rule(), datetime(2026, 11, 21, 9, 5, tzinfo=UTC)
    bench.runs.begin(rule.id, bench.clock())
    token = bench.runs.claim(rule.id, at, at)
    assert token
    assert bench.runs.claim(rule.id, at, at + timedelta(minutes=1)) == ""
    assert bench.runs.renew(rule.id, token, at)
    later = at + LEASE
    other = bench.runs.claim(rule.id, at, later)
    assert other
    assert not bench.runs.renew(rule.id, token, later)
    assert bench.runs.renew(rule.id, other, later)


def test_a_crash_behind_the_commit_repeats_no_signal(bench, sql_rule, monkeypatch):
    bench.ingest({**BAD, "at": "21T09:01:00"}, {**BAD, "at": "21T09:02:00"})
    scheduler = bench.scheduler(sql_rule())
    scheduler.run()
    bench.clock.set("21T09:05:00")
    with monkeypatch.context() as patch:
        patch.setattr(bench.runs, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            scheduler.run()
    assert len(bench.stored()) == 1
    bench.clock.now += LEASE - timedelta(minutes=6)
    assert scheduler.run() == []  # the claim holds
    bench.clock.set("21T09:05:00")
    bench.clock.now += LEASE
    (due,) = scheduler.due()
    assert due.start == datetime(2026, 11, 21, 9, 5, tzinfo=UTC)  # what is stored is not looked at again
    assert scheduler.run() == []
    assert len(bench.stored()) == 1


def test_a_lake_that_takes_no_commit_ends_the_claim_and_the_run_is_tried_again(bench, sql_rule, monkeypatch):
    bench.ingest({**BAD, "at": "21T09:01:00"}, {**BAD, "at": "21T09:02:00"})
    scheduler = bench.scheduler(sql_rule())
    scheduler.run()
    bench.clock.set("21T09:05:00")
    with monkeypatch.context() as patch:
        patch.setattr(bench.lake.ensure(SIGNALS), "commit", _full)
        with pytest.raises(LakeError, match="full"):
            scheduler.run()
    assert len(scheduler.run()) == 1


def _full(*_):
    raise LakeError("the disk is full")


def test_the_same_run_again_repeats_no_signal(bench, sql_rule):
    bench.ingest({**BAD, "at": "21T09:01:00"}, {**BAD, "at": "21T09:02:00"})
    scheduler, rule = bench.scheduler(sql_rule()), sql_rule()
    at = datetime(2026, 11, 21, 9, 5, tzinfo=UTC)
    first = scheduler.evaluate(rule, at - timedelta(minutes=5), at)
    assert scheduler.evaluate(rule, at - timedelta(minutes=5), at) == first


def test_a_rule_that_fails_is_recorded_and_the_others_go_on(bench, sql_rule):
    bench.ingest({**BAD, "at": "21T09:01:00"}, {**BAD, "at": "21T09:02:00"})
    broken = replace(sql_rule(title="Broken"), id="broken", query="SELECT nothing FROM acme_audit", parameters=())
    scheduler = bench.scheduler(broken, sql_rule())
    scheduler.run()
    bench.clock.set("21T09:05:00")
    assert [each.rule_id for each in scheduler.run()] == [sql_rule().id]
    run = bench.runs.all()["broken"]
    assert "nothing" in run.error
    assert run.failures == 1
    assert scheduler.due() == []  # not before its next time
    assert bench.state.get(FAILING, "broken").value["failures"] == 1


def test_the_run_behind_a_failed_one_looks_at_its_window_too(bench, sql_rule, monkeypatch):
    bench.ingest({**BAD, "at": "21T09:01:00"}, {**BAD, "at": "21T09:02:00"})
    scheduler = bench.scheduler(sql_rule())
    scheduler.run()
    bench.clock.set("21T09:05:00")
    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "_ask", _refuse)
        assert scheduler.run() == []
    bench.clock.set("21T09:10:00")
    (signal,) = scheduler.run()
    assert len(signal.event_ids) == 2
    assert bench.state.get(FAILING, signal.rule_id) is None


def _refuse(*_):
    raise QueryError("the engine is busy")


def test_a_sigma_rule_may_run_by_a_schedule_and_finds_nothing_twice(bench, make_rule):
    rule = make_rule(
        {"selection": {"name": "bad"}}, mantissa={"schedule_expression": "rate(5 minutes)", "window": "1h"}
    )
    scheduler = bench.scheduler(rule)
    assert scheduler.scheduled() == {rule.id}
    scheduler.run()
    (first,) = bench.ingest({**BAD, "at": "21T09:01:00"})
    bench.clock.set("21T09:05:00")
    assert [each.event_ids for each in scheduler.run()] == [(first,)]
    (late,) = bench.ingest({**BAD, "at": "21T08:30:00"})
    bench.clock.set("21T09:10:00")
    assert [each.event_ids for each in scheduler.run()] == [(late,)]
    assert len(bench.stored()) == 2


def test_a_command_gives_a_schedule_and_takes_it_away(bench, make_rule):
    rule = make_rule({"selection": {"name": "bad"}})
    book = bench.book(rule)
    assert book.all() == []
    made = book.create(rule.id, "cron(0 9 * * ? *)", "24h", enabled=True, by="ada")
    assert (made.timing.schedule.text, made.timing.window, made.enabled) == (
        "cron(0 9 * * ? *)",
        timedelta(days=1),
        True,
    )
    assert not book.enable(rule.id, enabled=False, by="bob").enabled
    assert [(each["by"], each["enabled"]) for each in book.get(rule.id).changes] == [("ada", True), ("bob", False)]
    assert bench.book(rule).get(rule.id) == book.get(rule.id)
    assert book.remove(rule.id)
    assert not book.remove(rule.id)
    assert book.all() == []


def test_what_the_file_says_holds_until_a_command_says_otherwise(bench, sql_rule):
    rule = sql_rule(enabled=False)
    book = bench.book(rule)
    assert not book.get(rule.id).enabled
    assert book.enable(rule.id, enabled=True, by="ada").enabled
    assert book.create(rule.id, "rate(1 day)", None, enabled=True, by="ada").by_command
    book.remove(rule.id)
    assert book.get(rule.id).timing.schedule.text == "rate(5 minutes)"
    with pytest.raises(RuleError, match="no Sigma or SQL rule"):
        book.create("gone", "rate(1 day)", None, enabled=True, by="ada")
    with pytest.raises(RuleError, match="no schedule"):
        bench.book().enable("gone", enabled=True, by="ada")


def test_a_disabled_schedule_does_not_run_and_catches_nothing_up(bench, sql_rule):
    bench.ingest({**BAD, "at": "21T09:01:00"}, {**BAD, "at": "21T09:02:00"})
    rule = sql_rule()
    scheduler = bench.scheduler(rule)
    scheduler.run()
    bench.book(rule).enable(rule.id, enabled=False, by="ada")
    bench.clock.set("21T09:06:00")
    assert scheduler.run() == []
    bench.book(rule).enable(rule.id, enabled=True, by="ada")
    bench.runs.begin(rule.id, bench.clock())
    bench.clock.set("21T09:11:00")
    (due,) = scheduler.due()
    assert due.start == datetime(2026, 11, 21, 9, 5, tzinfo=UTC)
