from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fake_pagerduty import KEY, FakePagerDuty
from mantissa_core import Runtime
from mantissa_core.errors import NeedsOperator
from mantissa_core.model import Delivery, Severity
from mantissa_core.setup.trial import validate
from mantissa_core.testing.alert_sink import delivery
from mantissa_core.testing.sample_alerts import SAMPLES
from mantissa_core.testing.snapshots import assert_snapshot
from mantissa_pagerduty.sink import SERVERS, PagerDuty
from pydantic import ValidationError


def sink(server: FakePagerDuty, key: str = KEY) -> PagerDuty:
    return PagerDuty(PagerDuty.Config.model_validate({"routing_key": key, "server": server.url, "timeout": 2}))


def step(event: str, status: str) -> Delivery:
    made = delivery()
    return replace(made, key=f"kit-{status}", event=event, alert=replace(made.alert, status=status))


def test_an_incident_lives_as_its_alert_does(pagerduty: FakePagerDuty) -> None:
    subject, seen = sink(pagerduty), []
    for event, status in (
        ("opened", "open"),
        ("updated", "acknowledged"),
        ("resolved", "resolved"),
        ("updated", "open"),
        ("resolved", "suppressed"),
    ):
        subject.deliver(step(event, status))
        [incident] = pagerduty.incidents.values()
        seen.append(incident["status"])
    assert seen == ["triggered", "acknowledged", "resolved", "triggered", "resolved"]
    assert list(pagerduty.incidents) == [delivery().alert.id]


@pytest.mark.parametrize(
    ("severity", "wanted"),
    [
        (Severity.CRITICAL, "critical"),
        (Severity.HIGH, "error"),
        (Severity.MEDIUM, "warning"),
        (Severity.LOW, "info"),
        (Severity.INFORMATIONAL, "info"),
    ],
)
def test_severities_are_pagerdutys(pagerduty: FakePagerDuty, severity: Severity, wanted: str) -> None:
    sink(pagerduty).deliver(delivery(severity=severity))
    assert json.loads(pagerduty.messages()[0])["severity"] == wanted


def test_the_person_on_call_reads_what_happened_first(pagerduty: FakePagerDuty) -> None:
    sink(pagerduty).deliver(delivery(first_seen=datetime(2026, 3, 2, 12, tzinfo=UTC)))
    payload = json.loads(pagerduty.messages()[0])
    assert payload == {
        "summary": "alice gave herself administrator rights",
        "source": "198.51.100.7",
        "severity": "error",
        "timestamp": "2026-03-02T12:00:00.000+00:00",
        "component": "aws_cloudtrail",
        "group": "acme-rule",
        "class": "Self-service administrator",
        "custom_details": {
            "who": "alice",
            "what": "Self-service administrator (2 times)",
            "when": "2026-03-02 12:00:00 UTC",
            "where": "from 198.51.100.7 in aws_cloudtrail",
            "why": "Somebody attached an administrator policy to the own user.",
            "how": "ATT&CK T1098; eventName=AttachUserPolicy",
            "matches": 2,
            "severity": "high",
            "evidence": {"eventName": "AttachUserPolicy", "userName": "alice"},
            "show": "mantissa alerts show 0123456789abcdef0123456789abcdef",
            "query": "mantissa query \"SELECT * FROM aws_cloudtrail WHERE m_id = '00112233445566778899aabbccddeeff'\"",
            "rule": "acme-rule",
        },
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_what_people_read(pagerduty: FakePagerDuty, name: str) -> None:
    subject = sink(pagerduty)
    subject.deliver(SAMPLES["critical"])
    subject.deliver(SAMPLES[name])
    event = {**pagerduty.requests[-1].json(), "routing_key": "…"}
    shown = json.dumps(event, indent=1, ensure_ascii=False) + "\n"
    assert_snapshot(Path(__file__).parent / "snapshots" / f"event-{name}.json", shown)


def test_an_event_of_the_largest_alert_is_small_enough(pagerduty: FakePagerDuty) -> None:
    evidence = {f"field {number}": "ü" * 100_000 for number in range(100)}
    sink(pagerduty).deliver(delivery(evidence=(evidence,) * 10, entities={"user": ("u" * 5000,) * 10}))
    assert len(pagerduty.incidents) == 1


def test_a_key_that_pagerduty_does_not_know_needs_the_operator(pagerduty: FakePagerDuty) -> None:
    other = "f" * 32
    with pytest.raises(
        NeedsOperator, match="PagerDuty refuses the event: Event object is invalid; Invalid routing key"
    ):
        sink(pagerduty, other).deliver(delivery())


def test_a_key_of_another_length_is_refused_at_the_start() -> None:
    with pytest.raises(ValidationError, match="32 characters"):
        PagerDuty.Config.model_validate({"routing_key": "short"})


def test_regions_have_addresses_of_their_own() -> None:
    assert SERVERS == {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}


def test_a_test_message_leaves_no_incident_open(pagerduty: FakePagerDuty, tmp_path: Path) -> None:
    with Runtime.open({"home": str(tmp_path)}) as runtime:
        found = validate(runtime, "pagerduty.events", {"routing_key": KEY, "server": pagerduty.url})
        refused = validate(runtime, "pagerduty.events", {"routing_key": KEY[::-1], "server": pagerduty.url})
    assert found.success, found.message
    assert [each["status"] for each in pagerduty.incidents.values()] == ["resolved"]
    assert not refused.success
    assert KEY[::-1] not in repr(refused)
