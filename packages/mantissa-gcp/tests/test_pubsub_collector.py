from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from fake_pubsub import AUDIT, SUBSCRIPTION, FakePubSub, entry
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Answer, Event, Fault
from mantissa_gcp.pubsub import PubSubCollector
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
NOW = Window(START, START)
FLOWS = "projects/example-prod/logs/compute.googleapis.com%2Fvpc_flows"


def collector(pubsub: FakePubSub, **settings: Any) -> PubSubCollector:
    given = {"subscription": SUBSCRIPTION, "credentials": pubsub.key_file, "endpoint": pubsub.url, "timeout": 10}
    return PubSubCollector(PubSubCollector.Config.model_validate({**given, **settings}))


def ids(page: Page) -> list[str]:
    """What the records of a page are, and the reasons of what was rejected."""
    by_type = page.records if isinstance(page.records, Mapping) else {}
    found = [f"{kind} {json.loads(each).get('insertId')}" for kind, records in by_type.items() for each in records]
    others = [json.loads(blob.open().read()) for blob in page.blobs]
    return found + [f"other {each.get('insertId')}" for each in others] + [each.reason for each in page.rejected]


def read(
    subject: PubSubCollector, state: Mapping[str, Any] | None = None, commit: bool = True
) -> tuple[list[str], Mapping[str, Any]]:
    """What one pass yields, and the state behind it."""
    [stream] = subject.streams()
    found: list[str] = []
    state = state or {}
    for page in subject.read(stream, NOW, state):
        found += ids(page)
        if not commit and page.acks:
            break
        subject.acknowledge(stream, page.acks)
        state = page.next_state
    return found, state


def test_messages_are_acknowledged_after_the_commit_and_not_before(pubsub: FakePubSub) -> None:
    pubsub.put([Event("e1", START)])
    subject = collector(pubsub)
    [stream] = subject.streams()
    pages = subject.read(stream, NOW, {})
    page = next(pages)
    assert pubsub.waiting == (0, 1)
    subject.acknowledge(stream, page.acks)
    assert pubsub.waiting == (0, 0)
    subject.acknowledge(stream, page.acks)  # may be repeated
    assert list(pages) == []


def test_what_is_not_committed_is_let_go_and_comes_again(pubsub: FakePubSub) -> None:
    pubsub.put([Event("e1", START)])
    assert read(collector(pubsub), commit=False)[0] == ["gcp.audit e1"]
    assert pubsub.waiting == (1, 0)
    assert read(collector(pubsub))[0] == ["gcp.audit e1"]


def test_a_message_whose_holder_died_comes_again_after_its_deadline(pubsub: FakePubSub) -> None:
    pubsub.put([Event("e1", START)])
    subject = collector(pubsub, deadline_seconds=60)
    dying = subject.read(subject.streams()[0], NOW, {})
    next(dying)
    pubsub.advance(59)
    assert read(collector(pubsub))[0] == []
    pubsub.advance(1)
    assert read(collector(pubsub))[0] == ["gcp.audit e1"]


def test_messages_are_held_for_longer_than_the_subscription_says_while_they_are_worked_on(pubsub: FakePubSub) -> None:
    pubsub.put([Event(f"e{number}", START) for number in range(3)])
    subject = collector(pubsub, deadline_seconds=40)
    pages = subject.read(subject.streams()[0], NOW, {})
    page = next(pages)
    pubsub.advance(pubsub.deadline + 20)
    subject._held.extend()
    pubsub.advance(30)
    assert pubsub.waiting == (0, 3)
    held = [body["ackDeadlineSeconds"] for method, body in pubsub.asked if method == "modifyAckDeadline"]
    assert held == [40, 40]
    subject.acknowledge(subject.streams()[0], page.acks)
    pages.close()
    assert len([method for method, _ in pubsub.asked if method == "modifyAckDeadline"]) == 2  # nothing to let go


def test_a_page_is_filled_from_several_answers(pubsub: FakePubSub) -> None:
    pubsub.put([Event(f"e{number}", START) for number in range(7)])
    subject = collector(pubsub, messages_per_page=5)
    [stream] = subject.streams()
    sizes = []
    for page in subject.read(stream, NOW, {}):
        sizes.append((len(page.acks), page.more))
        subject.acknowledge(stream, page.acks)
    assert sizes == [(5, True), (2, False)]
    assert [body["maxMessages"] for method, body in pubsub.asked if method == "pull"] == [5, 2, 5, 3, 3, 3]


def test_an_answer_that_is_empty_though_there_are_messages_is_not_the_end(pubsub: FakePubSub) -> None:
    pubsub.put([Event("e1", START)])
    pubsub.inject(Fault.EMPTY_PAGE)
    assert read(collector(pubsub))[0] == ["gcp.audit e1"]


def test_entries_become_the_log_type_of_their_log(pubsub: FakePubSub) -> None:
    for number, log in enumerate(("activity", "data_access", "system_event", "policy", "access_transparency")):
        pubsub.publish(entry(f"a{number}", START, f"organizations/1/logs/cloudaudit.googleapis.com%2F{log}"))
    pubsub.publish(entry("f1", START, FLOWS))
    pubsub.publish(entry("f2", START, FLOWS.replace("compute", "networkmanagement")))
    pubsub.publish({"insertId": "s1", "logName": "projects/example-prod/logs/syslog", "textPayload": "hello"})
    pubsub.publish({"insertId": "n1", "logName": 7})
    pubsub.publish('{\n  "insertId": "n2"\n}')
    assert sorted(read(collector(pubsub))[0]) == [
        "gcp.audit a0",
        "gcp.audit a1",
        "gcp.audit a2",
        "gcp.audit a3",
        "gcp.vpc_flow f1",
        "gcp.vpc_flow f2",
        "other a4",
        "other n1",
        "other n2",
        "other s1",
    ]


def test_a_message_that_is_no_entry_becomes_a_dead_letter_and_its_neighbours_are_read(pubsub: FakePubSub) -> None:
    pubsub.put([Event("e1", START)])
    wrong = [pubsub.publish(each) for each in ("hello", '{"logName": ', "[1, 2]", "")]
    wrong += [pubsub.publish_data(each) for each in ("%%%", "/////w==")]
    found, _ = read(collector(pubsub, messages_per_page=3))
    assert found[0] == "gcp.audit e1"
    assert sorted(reason.split(" is no log entry: ")[0] for reason in found[1:]) == [
        f"message {each}" for each in wrong
    ]
    assert pubsub.waiting == (0, 0)


def test_a_message_that_is_never_committed_is_tried_alone_and_then_becomes_a_dead_letter(pubsub: FakePubSub) -> None:
    pubsub.counts = True
    pubsub.put([Event("e1", START)])
    settings = {"max_deliveries": 2}
    for _ in range(2):
        assert read(collector(pubsub, **settings), commit=False)[0] == ["gcp.audit e1"]
    found, state = read(collector(pubsub, **settings), commit=False)
    assert found == ["gcp.audit e1"]
    assert len(state["suspects"]) == 1
    [reason], state = read(collector(pubsub, **settings), state)
    assert reason.endswith("was delivered 4 times and never stored")
    assert (pubsub.waiting, state) == ((0, 0), {"suspects": []})


def test_a_suspect_that_is_committed_is_none_any_more(pubsub: FakePubSub) -> None:
    pubsub.counts = True
    pubsub.put([Event("e1", START), Event("e2", START)])
    for _ in range(2):
        read(collector(pubsub, max_deliveries=1), commit=False)
    pubsub.put([Event("e3", START)])
    subject = collector(pubsub, max_deliveries=1)
    [stream] = subject.streams()
    pages = []
    for page in subject.read(stream, NOW, {}):
        subject.acknowledge(stream, page.acks)
        pages.append((ids(page), len(page.next_state["suspects"])))
    assert pages == [(["gcp.audit e3"], 0), ([], 1), (["gcp.audit e1"], 0), ([], 1), (["gcp.audit e2"], 0)]


def test_an_acknowledgement_that_comes_too_late_asks_for_a_retry_and_the_message_comes_again(
    pubsub: FakePubSub,
) -> None:
    pubsub.exactly_once = True
    pubsub.put([Event("e1", START)])
    subject = collector(pubsub)
    [stream] = subject.streams()
    page = next(subject.read(stream, NOW, {}))
    pubsub.advance(3600)
    with pytest.raises(Retry, match="takes the acknowledgement no more; messages come again"):
        subject.acknowledge(stream, page.acks)
    assert read(collector(pubsub))[0] == ["gcp.audit e1"]
    assert pubsub.waiting == (0, 0)


def test_a_failure_between_two_answers_lets_go_of_what_was_received(pubsub: FakePubSub) -> None:
    pubsub.put([Event(f"e{number}", START) for number in range(5)])
    subject = collector(pubsub)
    pubsub.inject(Fault.SERVER_ERROR, after=1)
    with pytest.raises(Retry):
        read(subject)
    assert pubsub.waiting == (5, 0)


def test_deadlines_that_cannot_be_changed_do_not_stop_the_reading(
    pubsub: FakePubSub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pubsub.put([Event("e1", START)])
    monkeypatch.setattr(pubsub, "_modify", lambda _request: pubsub.refusal(503, ""))
    assert read(collector(pubsub))[0] == ["gcp.audit e1"]
    assert "messages may be received twice: Pub/Sub answered 503" in caplog.text


def test_check_says_which_permission_is_missing(pubsub: FakePubSub) -> None:
    collector(pubsub).check()
    pubsub.granted = []
    with pytest.raises(NeedsOperator, match=f"{SUBSCRIPTION}: the identity lacks pubsub.subscriptions.consume there"):
        collector(pubsub).check()
    with pytest.raises(NeedsOperator, match=r"role Pub/Sub Subscriber\) \(PERMISSION_DENIED\)"):
        read(collector(pubsub))


def test_a_subscription_that_does_not_exist_is_named(pubsub: FakePubSub) -> None:
    subject = collector(pubsub, subscription="projects/example-prod/subscriptions/audti")
    with pytest.raises(NeedsOperator, match=r"subscriptions/audti: .* or there is no such subscription"):
        subject.check()
    with pytest.raises(NeedsOperator, match="knows no such subscription: check subscription and project_id"):
        read(subject)


@pytest.mark.parametrize(
    "answer",
    [{"receivedMessages": [{}]}, {"receivedMessages": 7}, {"receivedMessages": [7]}, {"messages": []}, []],
    ids=str,
)
def test_an_answer_of_another_form_is_not_taken_for_an_empty_subscription(pubsub: FakePubSub, answer: Any) -> None:
    pubsub.answer = Answer(200, answer)
    with pytest.raises(Retry, match="Pub/Sub's answer"):
        read(collector(pubsub))


def test_the_project_comes_from_the_settings_or_the_environment(
    pubsub: FakePubSub, monkeypatch: pytest.MonkeyPatch
) -> None:
    pubsub.put([Event("e1", START)])
    with pytest.raises(NeedsOperator, match="set project_id, or GCP_PROJECT_ID"):
        collector(pubsub, subscription="audit")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "example-prod")
    collector(pubsub, subscription="audit").check()
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "another")
    assert read(collector(pubsub, subscription="audit", project_id="example-prod"))[0] == ["gcp.audit e1"]


@pytest.mark.parametrize(
    "settings",
    [
        {"subscription": "projects/p/subscriptions/a/b"},
        {"subscription": "a?b=c"},
        {"subscription": "projects/p/topics/audit"},
        {"endpoint": "http://pubsub.example.com"},
        {"deadline_seconds": 9},
        {"messages_per_page": 0},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(pubsub: FakePubSub, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        collector(pubsub, **settings)


def test_the_installed_plugin_is_configured_by_the_environment(
    pubsub: FakePubSub, start_plugin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "key.json").write_text(pubsub.key_file)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    monkeypatch.setenv("GCP_PROJECT_ID", "example-prod")
    pubsub.put([Event("e1", START)])
    subject = start_plugin(Collector, "gcp.pubsub", {"subscription": "audit", "endpoint": pubsub.url})
    [stream] = subject.streams()
    [page] = subject.read(stream, NOW, {})
    assert (ids(page), json.loads(page.records["gcp.audit"][0])["logName"]) == (["gcp.audit e1"], AUDIT)
