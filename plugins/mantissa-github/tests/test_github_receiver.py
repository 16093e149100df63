from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from mantissa_core.testing.receiver import Intake, ReceiverContract, Said, listening
from mantissa_github.receiver import Webhook
from pydantic import ValidationError

SECRET, NEXT = "s3cret-of-the-tests-0123", "n3xt-secret-of-the-tests"
HEADERS = {"X-GitHub-Event": "push", "X-GitHub-Delivery": "72d3162e", "X-GitHub-Hook-ID": "292430182"}


def receiver(port: int = 0, **settings: Any) -> Webhook:
    return Webhook(Webhook.Config.model_validate({"port": port, "secret": [SECRET, NEXT], **settings}))


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class TestWebhook(ReceiverContract):
    secrets = (SECRET, NEXT)

    def receiver(self, port: int = 0) -> Webhook:
        return receiver(port, max_body_bytes=2000)

    def send(self, port: int, events: Sequence[Mapping[str, Any]], secret: str = SECRET) -> Said:
        """GitHub delivers each event by itself."""
        said = Said()
        for event in events:
            body = json.dumps({"ref": "refs/heads/main", "text": event.get("text", "")}).encode()
            headers = {**HEADERS, "X-GitHub-Delivery": event["id"], "X-Hub-Signature-256": signature(body, secret)}
            said = self.post(port, "/github", body, headers)
            if not said.taken:
                break
        return said

    def send_forged(self, port: int, events: Sequence[Mapping[str, Any]]) -> Said:
        return self.send(port, events, "a-guess-0123456789")

    def send_oversized(self, port: int) -> Said:
        return self.send(port, [{"id": "1", "text": "x" * 4000}])

    def event_id(self, record: Any) -> str:
        return str(record.get("x_github_delivery") or record["id"])


def deliver(
    subject: Webhook, body: bytes, headers: Mapping[str, str] | None = None, *, signed: bytes | None = None
) -> httpx.Response:
    given = {**HEADERS, "X-Hub-Signature-256": signature(body if signed is None else signed), **(headers or {})}
    with httpx.Client(trust_env=False, timeout=10) as client:
        url = f"http://127.0.0.1:{subject.port}{subject.config.path}"
        return client.post(url, content=body, headers={k: v for k, v in given.items() if v})


def test_the_headers_facts_become_members_of_the_event() -> None:
    intake = Intake()
    with listening(receiver(), intake) as subject:
        assert deliver(subject, b'{"ref":"refs/heads/main","x_github_event":"forged"}').status_code == 200
    [event] = intake.events
    assert event.pop("received_at").endswith("Z")
    assert event == {
        "ref": "refs/heads/main",
        "x_github_event": "push",
        "x_github_delivery": "72d3162e",
        "x_github_hook_id": "292430182",
    }


def test_a_form_is_read_and_signed_as_it_came_in() -> None:
    intake = Intake()
    body = urlencode({"payload": '{"ref": "refs/heads/m\u00fcnchen & more"}'}).encode()
    with listening(receiver(), intake) as subject:
        answer = deliver(subject, body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 200
    assert intake.events[0]["ref"] == "refs/heads/münchen & more"


def test_a_body_that_was_changed_on_its_way_is_refused() -> None:
    intake = Intake()
    with listening(receiver(), intake) as subject:
        answer = deliver(subject, b'{"forced": true}', signed=b'{"forced": false}')
        unsigned = deliver(subject, b"{}", {"X-Hub-Signature-256": ""})
        by_sha1 = deliver(subject, b"{}", {"X-Hub-Signature-256": "sha1=" + "0" * 40})
    assert (answer.status_code, unsigned.status_code, by_sha1.status_code) == (401, 401, 401)
    assert intake.events == []


def test_the_secret_of_another_webhook_is_good_too() -> None:
    with listening(receiver(), Intake()) as subject:
        assert deliver(subject, b"{}", {"X-Hub-Signature-256": signature(b"{}", NEXT)}).status_code == 200


def test_a_ping_is_answered_and_no_event() -> None:
    intake = Intake()
    with listening(receiver(), intake) as subject:
        assert deliver(subject, b'{"zen": "Keep it logically awesome."}', {"X-GitHub-Event": "ping"}).status_code == 200
    assert intake.submitted == []


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (b"{}", {"X-GitHub-Delivery": ""}, "X-GitHub-Delivery missing"),
        (b"{}", {"X-GitHub-Event": ""}, "X-GitHub-Event missing"),
        (b"[]", {}, "JSON object"),
        (b"{", {}, "no JSON"),
        (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, "payload"),
        (b"payload=%7B", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, "payload"),
    ],
)
def test_what_is_signed_and_no_delivery_is_refused(body: bytes, headers: dict[str, str], words: str) -> None:
    intake = Intake()
    with listening(receiver(), intake) as subject:
        answer = deliver(subject, body, headers)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert intake.events == []


@pytest.mark.parametrize("settings", [{"secret": "short"}, {"secret": []}, {"path": "github"}], ids=str)
def test_settings_that_are_not_safe_or_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Webhook.Config.model_validate({"secret": SECRET, **settings})
