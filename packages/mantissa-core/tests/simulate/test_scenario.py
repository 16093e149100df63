"""The simulation as a whole: repeatable, native, and honest about what is in it."""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from mantissa_core.simulate import cloudtrail_stream, simulate
from mantissa_core.simulate.truth import CLOUDTRAIL, OKTA, RULES

DAY = date(2026, 1, 14)
DIGEST = """
import hashlib
from datetime import date
from mantissa_core.simulate import simulate
lines = [line.line for several in simulate(3, date(2026, 1, 14), events=500).events.values() for line in several]
print(hashlib.sha256(b"\\n".join(lines)).hexdigest())
"""


@pytest.fixture(scope="module")
def scenario():
    return simulate(3, DAY, events=3_000)


@pytest.fixture(scope="module")
def events(scenario):
    return {log_type: [json.loads(line.line) for line in lines] for log_type, lines in scenario.events.items()}


def test_the_same_seed_gives_the_same_bytes_in_another_process(monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "4242")
    lines = [line.line for several in simulate(3, DAY, events=500).events.values() for line in several]
    done = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(b"\n".join(lines)).hexdigest()


def test_another_seed_and_another_day_give_other_events(scenario):
    ids = {line.id for lines in scenario.events.values() for line in lines}
    for other in (simulate(4, DAY, events=200), simulate(3, DAY + timedelta(days=1), events=200)):
        assert not ids & {line.id for lines in other.events.values() for line in lines}


def test_about_as_many_events_come_as_were_asked_for(events):
    assert 2_400 <= sum(map(len, events.values())) <= 3_600


def test_no_two_events_share_an_id(scenario):
    ids = [line.id for lines in scenario.events.values() for line in lines]
    assert len(set(ids)) == len(ids)


def test_every_event_lies_within_its_day_and_in_the_order_of_time(scenario):
    for lines in scenario.events.values():
        times = [line.time for line in lines]
        assert times == sorted(times)
        assert {time.date() for time in times} == {DAY}


def test_every_cloudtrail_event_has_the_fields_that_cloudtrail_always_writes(events):
    for event in events[CLOUDTRAIL]:
        assert {
            "eventVersion",
            "userIdentity",
            "eventTime",
            "eventSource",
            "eventName",
            "awsRegion",
            "sourceIPAddress",
            "userAgent",
            "requestParameters",
            "responseElements",
            "eventID",
            "readOnly",
            "eventType",
            "managementEvent",
            "recipientAccountId",
            "eventCategory",
        } <= event.keys()
        assert event["userIdentity"]["type"] in {"IAMUser", "AssumedRole", "AWSService"}
        datetime.strptime(event["eventTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def test_a_failed_call_has_no_response(events):
    failed = [event for event in events[CLOUDTRAIL] if "errorCode" in event]
    assert failed
    assert all(event["responseElements"] is None and event["errorMessage"] for event in failed)


def test_every_okta_event_has_the_fields_that_okta_always_writes(events):
    for event in events[OKTA]:
        assert {
            "uuid",
            "published",
            "eventType",
            "version",
            "severity",
            "displayMessage",
            "actor",
            "client",
            "outcome",
            "target",
            "transaction",
            "debugContext",
            "authenticationContext",
            "securityContext",
            "request",
        } <= event.keys()
        assert event["published"].endswith("Z")
        assert event["actor"]["alternateId"].endswith("@example.com")


def test_an_event_is_as_large_as_real_ones(scenario):
    for lines in scenario.events.values():
        assert sum(len(line.line) for line in lines) / len(lines) >= 1_000


def test_the_truth_refers_to_events_that_exist(scenario):
    ids = {log_type: {line.id for line in lines} for log_type, lines in scenario.events.items()}
    assert len(scenario.attacks) == 4
    for attack in scenario.attacks:
        for log_type, planted in attack.events.items():
            assert set(planted) <= ids[log_type]
        everything = {event for planted in attack.events.values() for event in planted}
        assert attack.expected
        for rule, expected in attack.expected.items():
            assert rule in RULES
            assert set(expected) <= everything
    for each in scenario.lookalikes:
        assert each.event_id in ids[each.log_type]
        assert each.rule is None or each.rule in RULES


def test_an_attack_reaches_from_its_first_event_to_its_last(scenario):
    times = {line.id: line.time for lines in scenario.events.values() for line in lines}
    for attack in scenario.attacks:
        moments = [times[event] for planted in attack.events.values() for event in planted]
        assert (attack.start, attack.end) == (min(moments), max(moments))


def test_some_attacks_cross_from_okta_to_aws(scenario):
    assert {frozenset(attack.events) for attack in scenario.attacks} == {
        frozenset({OKTA}),
        frozenset({CLOUDTRAIL}),
        frozenset({OKTA, CLOUDTRAIL}),
    }


def test_several_days_share_the_attacks_and_repeat_the_oddities(scenario):
    longer = simulate(3, DAY, days=4, events=2_000)
    assert sorted(attack.start.date() for attack in longer.attacks) == [DAY + timedelta(days=n) for n in range(4)]
    assert len(longer.lookalikes) == 4 * len(scenario.lookalikes)
    assert {line.time.date() for line in longer.events[OKTA]} == {DAY + timedelta(days=n) for n in range(4)}


def test_people_work_by_day_and_machines_always(events):
    hours = {log_type: Counter(int(each[key][11:13]) for each in events[log_type]) for log_type, key in KEYS.items()}
    assert set(hours[CLOUDTRAIL]) == set(range(24))
    assert sum(hours[OKTA][hour] for hour in range(7, 19)) > 0.8 * sum(hours[OKTA].values())


def test_a_simulation_without_days_is_refused():
    with pytest.raises(ValueError, match="at least a day"):
        simulate(3, DAY, days=0)


def test_the_stream_is_repeatable_native_and_of_the_length_asked_for():
    first, second = (list(cloudtrail_stream(5, 400, DAY, days=3)) for _ in range(2))
    assert first == second
    records = [json.loads(line) for line in first]
    assert len({record["eventID"] for record in records}) == 400
    assert [record["eventTime"] for record in records] == sorted(record["eventTime"] for record in records)
    assert {record["eventTime"][:10] for record in records} == {"2026-01-14", "2026-01-15", "2026-01-16"}
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in first)
    assert sum(map(len, first)) / 400 >= 1_000


KEYS = {CLOUDTRAIL: "eventTime", OKTA: "published"}
