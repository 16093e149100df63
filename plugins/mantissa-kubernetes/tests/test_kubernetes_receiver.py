from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest
from mantissa_core.errors import NeedsOperator
from mantissa_core.testing.receiver import Intake, ReceiverContract, Said, listening
from mantissa_kubernetes.receiver import AuditWebhook
from pydantic import ValidationError

TOKEN, NEXT = "t0ken-of-the-tests-0123", "n3xt-token-of-the-tests"


def receiver(port: int = 0, **settings: Any) -> AuditWebhook:
    return AuditWebhook(AuditWebhook.Config.model_validate({"port": port, "token": [TOKEN, NEXT], **settings}))


def event_list(items: Sequence[Any], **changes: Any) -> dict[str, Any]:
    return {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": list(items), **changes}


class TestAuditWebhook(ReceiverContract):
    secrets = (TOKEN, NEXT)

    def receiver(self, port: int = 0) -> AuditWebhook:
        return receiver(port, max_body_bytes=3000)

    def send(self, port: int, events: Sequence[Mapping[str, Any]]) -> Said:
        return self.post(port, "/audit?timeout=30s", event_list(events), {"Authorization": f"Bearer {TOKEN}"})

    def send_forged(self, port: int, events: Sequence[Mapping[str, Any]]) -> Said:
        return self.post(port, "/audit", event_list(events), {"Authorization": "Bearer a-guess-0123456789"})

    def send_oversized(self, port: int) -> Said:
        return self.send(port, [{**self.event(1), "requestURI": "x" * 4000}])

    def event(self, number: int) -> dict[str, Any]:
        return {
            "auditID": f"event-{number}",
            "stage": "ResponseComplete",
            "requestReceivedTimestamp": "2025-03-04T09:00:00.000001Z",
            "verb": "get",
            "user": {"username": "amara@example.com"},
        }

    def event_id(self, record: Any) -> str:
        return str(record["auditID"])


def post(subject: AuditWebhook, body: Any, path: str = "/audit", token: str = TOKEN) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with httpx.Client(trust_env=False, timeout=10) as client:
        url = f"http://127.0.0.1:{subject.port}{path}"
        return client.post(url, content=content, headers={"Authorization": f"Bearer {token}"})


def test_good_events_of_a_batch_survive_bad_ones() -> None:
    intake = Intake()
    with listening(receiver(), intake) as subject:
        answer = post(subject, event_list([{"auditID": "1"}, "no event", None, [1], {}, {"auditID": "2"}]))
    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (200, 2, 4)
    assert [each["auditID"] for each in intake.events] == ["1", "2"]
    assert [each.raw for each in intake.rejected] == [b'"no event"', b"null", b"[1]", b"{}"]
    assert {log_type for log_type, _ in intake.submitted} == {"kubernetes.audit"}


def test_an_empty_list_is_taken() -> None:
    intake = Intake()
    with listening(receiver(), intake) as subject:
        assert post(subject, event_list([])).status_code == 200
    assert intake.events == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "no JSON"),
        ([], "EventList"),
        ({"kind": "Event", "auditID": "1"}, "EventList"),
        ({**event_list([]), "items": {"a": 1}}, "EventList"),
        (event_list([], apiVersion="audit.k8s.io/v1beta1"), "--audit-webhook-version"),
    ],
    ids=str,
)
def test_a_body_that_is_no_list_of_events_is_refused(body: Any, words: str) -> None:
    intake = Intake()
    with listening(receiver(), intake) as subject:
        answer = post(subject, body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert intake.events == []


def test_both_tokens_are_good_while_one_replaces_the_other() -> None:
    with listening(receiver(), Intake()) as subject:
        assert post(subject, event_list([]), token=NEXT).status_code == 200


def test_events_are_posted_to_the_configured_path_only() -> None:
    with listening(receiver(path="/clusters/shop"), Intake()) as subject:
        assert post(subject, event_list([]), "/clusters/shop").status_code == 200
        assert post(subject, event_list([]), "/audit").status_code == 404


@pytest.mark.parametrize("settings", [{"token": "short"}, {"token": []}, {"path": "audit"}, {"path": "/a?b"}], ids=str)
def test_settings_that_are_not_safe_or_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AuditWebhook.Config.model_validate({"token": TOKEN, **settings})


def test_a_certificate_that_is_missing_needs_the_operator(tmp_path: Any) -> None:
    stop = threading.Event()
    stop.set()
    subject = receiver(certificate=str(tmp_path / "cert.pem"), key=str(tmp_path / "key.pem"))
    with pytest.raises(NeedsOperator):
        subject.listen(Intake().submit, stop, lambda name: pytest.fail(name))
