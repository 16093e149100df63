from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_servicenow import CALLER, GROUP, LENGTHS, PASSWORD, USER, FakeServiceNow
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Alert, Choice, Delivery, Severity
from mantissa_core.testing.alert_sink import delivery
from mantissa_core.testing.fake_http import Answer, FakeHTTP
from mantissa_servicenow.record import description, short_description, work_note
from mantissa_servicenow.sink import ServiceNow
from pydantic import ValidationError

SNAPSHOTS = Path(__file__).parent / "snapshots"
CHANGED = datetime(2026, 3, 2, 12, 5, tzinfo=UTC)
NASTY = "[code]<script>alert(1)</script>[/code] [ CODE ]^active=true javascript:gs.eval(1) \x1b[2J\u202e \r\n a"
ALERTS = {
    "critical": delivery(
        severity=Severity.CRITICAL,
        summary="amara@example.com gave herself administrator rights from 203.0.113.7",
        entities={"user": ("amara@example.com",), "src_ip": ("203.0.113.7",), "target": ("prod-admins",)},
        enrichment={"geo": {"ips": {"203.0.113.7": {"city": "Oslo", "country": "Norway"}}}},
        evidence=({"eventName": "AttachUserPolicy", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},),
    ).alert,
    "bare": delivery(
        summary="", description="", table="", tags=(), entities={}, event_ids=(), evidence=(), count=1
    ).alert,
    "hostile": delivery(
        summary=NASTY, rule_name=NASTY, description=NASTY, entities={"user": (NASTY,)}, evidence=({NASTY: NASTY},)
    ).alert,
}


def sink(server: FakeHTTP, **settings: Any) -> ServiceNow:
    config = {"instance": server.url, "username": USER, "password": PASSWORD, "timeout": 2, **settings}
    return ServiceNow(ServiceNow.Config.model_validate(config))


def step(event: str, status: str, revision: int, previous: str | None = "INC0000001", **changes: Any) -> Delivery:
    made = delivery()
    alert = replace(made.alert, status=status, changed=CHANGED, changed_by="amara", revision=revision)
    return replace(made, key=f"kit-{revision}", event=event, alert=alert, previous=previous, **changes)


def shown(alert: Alert) -> str:
    return f"{short_description(alert)}\n\n{description(alert)}\n"


@pytest.mark.parametrize("name", ALERTS)
def test_records_read_as_in_the_snapshots(name: str) -> None:
    assert shown(ALERTS[name]) == (SNAPSHOTS / f"{name}.txt").read_text("utf-8")


def test_a_note_reads_as_in_its_snapshot() -> None:
    assert work_note(step("updated", "open", 2).alert) + "\n" == (SNAPSHOTS / "reopened.txt").read_text("utf-8")


def test_a_language_models_words_are_marked() -> None:
    alert = replace(delivery().alert, rewritten={"who": "The user alice did it."})
    assert "\nWho:   The user alice did it.\nWorded by: a language model\n" in description(alert)


@pytest.mark.parametrize("text", ["a", "[code]", "🔥", "\x1b", "ü"], ids=["letter", "tag", "emoji", "escape", "umlaut"])
def test_nothing_of_the_largest_alert_is_cut_without_a_mark(servicenow: FakeServiceNow, text: str) -> None:
    long = text * 20_000
    entities = dict.fromkeys(("user", "src_ip", "dst_ip", "target", "outcome"), (long,) * 10)
    facts = {f"{long}{number}": long for number in range(200)}
    large = delivery(
        summary=long, rule_name=long, rule_id=long, description=long, entities=entities, evidence=(facts,) * 10
    )
    sink(servicenow).deliver(large)
    sink(servicenow).deliver(replace(large, event="updated", alert=replace(large.alert, revision=2)))
    [record] = servicenow.records
    for name in ("short_description", "description"):
        assert len(record[name]) <= LENGTHS[name]
        assert record[name].endswith("…")
    assert f"mantissa alerts show {large.alert.id}" in record["description"]
    assert len(servicenow.notes) == 1


def test_a_record_lives_as_its_alert_does(servicenow: FakeServiceNow) -> None:
    subject, seen = sink(servicenow, acknowledged_state="2"), []
    assert subject.deliver(delivery()).reference == "INC0000001"
    for revision, (event, status) in enumerate(
        (("updated", "acknowledged"), ("resolved", "resolved"), ("updated", "open"), ("resolved", "suppressed")), 2
    ):
        assert subject.deliver(step(event, status, revision)).reference == "INC0000001"
        seen.append(servicenow.records[0]["state"])
    assert seen == ["2", "6", "2", "6"]
    moment = "2026-03-02 12:05:00 UTC"
    assert [note.splitlines()[0] for note in servicenow.notes] == [
        f"Acknowledged by amara, {moment}, 2 matches found",
        f"Resolved by amara, {moment}, 2 matches found",
        f"Reopened by amara, {moment}, 2 matches found",
        f"Suppressed by amara, {moment}, 2 matches found",
    ]
    assert servicenow.records[0]["close_notes"] == servicenow.notes[-1]
    assert servicenow.records[0]["close_code"] == "Solution provided"


@pytest.mark.parametrize(
    ("event", "status"), [("updated", "open"), ("resolved", "resolved"), ("updated", "acknowledged")]
)
@pytest.mark.parametrize(("state", "active"), [("7", "false"), ("8", "false")])
def test_a_record_that_people_closed_gets_a_note_and_stays_closed(
    servicenow: FakeServiceNow, event: str, status: str, state: str, active: str
) -> None:
    subject = sink(servicenow, acknowledged_state="2")
    subject.deliver(delivery())
    servicenow.records[0] |= {"state": state, "active": "false"}
    subject.deliver(step(event, status, 2))
    assert (servicenow.records[0]["state"], len(servicenow.notes)) == (state, 1)


def test_a_reminder_of_an_open_alert_moves_nothing(servicenow: FakeServiceNow) -> None:
    sink(servicenow).deliver(delivery())
    servicenow.records[0]["state"] = "6"
    alert = replace(delivery().alert, revision=2)
    sink(servicenow).deliver(replace(delivery("kit-2"), event="updated", alert=alert, previous="INC0000001"))
    assert servicenow.notes[0].startswith("Still open, 2 matches found\n\nWho:   alice")
    assert servicenow.records[0]["state"] == "6"


def test_a_record_that_people_took_on_is_not_moved_back(servicenow: FakeServiceNow) -> None:
    sink(servicenow).deliver(delivery())
    servicenow.records[0]["state"] = "3"
    sink(servicenow).deliver(step("updated", "open", 2))
    assert servicenow.records[0]["state"] == "3"


def test_a_record_and_a_step_whose_answers_were_lost_are_there_once(servicenow: FakeServiceNow) -> None:
    for made in (delivery(), step("resolved", "resolved", 2)):
        servicenow.losing = 1
        with pytest.raises(Retry):
            sink(servicenow).deliver(made)
        sink(servicenow).deliver(replace(made, attempt=2))
    assert (len(servicenow.records), len(servicenow.notes)) == (1, 1)
    assert servicenow.records[0]["state"] == "6"


def test_an_alert_that_the_instance_never_heard_of_gets_its_record_with_what_became_of_it(
    servicenow: FakeServiceNow,
) -> None:
    servicenow.losing = 1
    with pytest.raises(Retry):
        sink(servicenow).deliver(step("resolved", "resolved", 4, previous=None))
    sink(servicenow).deliver(step("resolved", "resolved", 4, previous=None, attempt=2))
    assert (len(servicenow.records), len(servicenow.notes)) == (1, 1)
    assert servicenow.records[0]["state"] == "6"


@pytest.mark.parametrize(
    ("severity", "priority"),
    [
        (Severity.CRITICAL, "1"),
        (Severity.HIGH, "2"),
        (Severity.MEDIUM, "3"),
        (Severity.LOW, "4"),
        (Severity.INFORMATIONAL, "5"),
    ],
)
def test_severities_are_priorities(servicenow: FakeServiceNow, severity: Severity, priority: str) -> None:
    sink(servicenow).deliver(delivery(severity=severity))
    assert servicenow.records[0]["priority"] == priority


@pytest.mark.parametrize("caller", ["lin", "lin@example.com", CALLER])
def test_settings_that_people_choose_are_in_the_record(servicenow: FakeServiceNow, caller: str) -> None:
    settings = {"assignment_group": "Security Operations", "caller_id": caller, "fields": {"category": "security"}}
    subject = sink(servicenow, **settings, ratings={"high": "1/1"})
    subject.check()
    subject.deliver(delivery())
    kept = servicenow.records[0]
    assert {name: kept[name] for name in ("assignment_group", "caller_id", "category", "priority")} == {
        "assignment_group": GROUP,
        "caller_id": CALLER,
        "category": "security",
        "priority": "1",
    }


def test_a_table_that_ignores_the_query_does_not_lend_another_record(servicenow: FakeServiceNow) -> None:
    servicenow.records.append({"sys_id": "f" * 32, "number": "INC0009999", "correlation_id": "another"})
    servicenow.fields.discard("correlation_id")
    with pytest.raises(NeedsOperator, match="INC0000002 without correlation_id: give the user access"):
        sink(servicenow).deliver(delivery())
    assert "description" not in servicenow.records[0]


def test_a_record_that_is_gone_needs_the_operator(servicenow: FakeServiceNow) -> None:
    with pytest.raises(NeedsOperator, match="INC0000001 is gone from incident"):
        sink(servicenow).deliver(step("updated", "acknowledged", 2))


def test_what_a_data_policy_says_is_told(servicenow: FakeServiceNow) -> None:
    servicenow.mandatory.add("caller_id")
    with pytest.raises(NeedsOperator, match="refuses: Operation Failed: Data Policy Exception: caller_id mandatory"):
        sink(servicenow).deliver(delivery())
    subject = sink(servicenow, close_code="", caller_id="lin")
    subject.deliver(delivery())
    with pytest.raises(NeedsOperator, match="close_code, close_notes mandatory"):
        subject.deliver(step("resolved", "resolved", 2))
    assert servicenow.notes == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"table": "u_none"}, "refuses: Invalid table u_none"),
        ({"password": "wrong"}, "refuses the credential"),
        ({"assignment_group": "Nobody"}, "sys_user_group has no 'Nobody': set the sys_id instead"),
        ({"caller_id": "Lin"}, "sys_user has several 'Lin': set the sys_id instead"),
    ],
    ids=["table", "password", "group", "caller"],
)
def test_the_check_says_what_is_wrong(servicenow: FakeServiceNow, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(NeedsOperator, match=words):
        sink(servicenow, **settings).check()
    assert servicenow.records == []


@pytest.mark.parametrize("body", ["<html>Hibernating</html>", "", "[]", "{}", '{"result": [1]}'])
def test_an_answer_that_is_not_servicenows_is_a_retry(body: str) -> None:
    with FakeHTTP(lambda _: Answer(200, body.encode())) as proxy:
        with pytest.raises(Retry):
            sink(proxy).deliver(delivery())
        with pytest.raises(Retry):
            sink(proxy).check()


def test_an_insert_whose_answer_is_none_is_a_retry() -> None:
    answers = {"GET": {"result": []}, "POST": {"result": {}}}
    with FakeHTTP(lambda request: Answer(200, answers[request.method])) as proxy, pytest.raises(Retry):
        sink(proxy).deliver(delivery())


def test_choices_are_what_the_instance_has(servicenow: FakeServiceNow) -> None:
    subject = sink(servicenow)
    assert subject.choices("assignment_group") == [Choice(GROUP, "Security Operations")]
    assert subject.choices("close_code") == [Choice("Duplicate", "Duplicate")]
    assert subject.choices("resolved_state") == [Choice("6", "Resolved")]
    assert subject.choices("timeout") == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"instance": "http://example.service-now.com"}, "https"),
        ({"username": ""}, "'username' and 'password', or 'client_id' and 'client_secret'"),
        ({"table": "incident?x"}, "table"),
        ({"assignment_group": "x^ORactive=true"}, "a name without"),
        ({"caller_id": "javascript:gs.getUserID()"}, "a name without"),
        ({"fields": {"correlation_id": "x"}}, "other fields than correlation_id"),
        ({"ratings": {"high": "1"}}, "ratings"),
    ],
    ids=["address", "credential", "table", "group", "caller", "fields", "ratings"],
)
def test_settings_that_cannot_work_are_refused_at_the_start(settings: dict[str, Any], words: str) -> None:
    given = {"instance": "example.service-now.com", "username": USER, "password": PASSWORD, **settings}
    with pytest.raises(ValidationError, match=words):
        ServiceNow.Config.model_validate(given)
