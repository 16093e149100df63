from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.codec import alert_to_json
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.redact.policy import SECRETS_ONLY, Redaction
from mantissa_core.alert.redact.redactor import Redactor
from mantissa_core.alert.route import Route
from mantissa_core.errors import ConfigError
from mantissa_core.model import Alert, Signal
from mantissa_core.runtime import Runtime
from mantissa_core.settings import validate
from mantissa_core.state.documents import State
from mantissa_core.testing.alert_sink import delivery

from .labelled import Labelled, read

CARD = "4111111111111111"


def digest(value: str) -> str:
    return hmac.new(b"k3y", value.encode(), hashlib.sha256).hexdigest()[:12]


def redactor(key: str = "", **policy: Any) -> Redactor:
    return Redactor(Redaction.model_validate(policy), key)


@pytest.mark.parametrize(
    ("treatment", "shown"),
    [
        ("mask", "a…@example.com paid with [card …1111]"),
        ("drop", "[email] paid with [card]"),
        ("keep", f"amara@example.com paid with {CARD}"),
        ("hash", f"[email #{digest('amara@example.com')}] paid with [card #{digest(CARD)}]"),
    ],
)
def test_each_treatment(treatment: str, shown: str) -> None:
    policy = redactor("k3y", email=treatment, card=treatment, hash_key="secret://k")
    assert policy.text(f"amara@example.com paid with {CARD}")[0] == shown


def test_masks_leave_what_helps_and_tells_nobody_else() -> None:
    policy = redactor(ip="mask")
    assert policy.text("DE89 3704 0044 0532 0130 00")[0] == "[iban DE…3000]"
    assert policy.text("203.0.113.17 and 2001:db8::1")[0] == "203.0.113.… and [ip]"
    assert policy.text("ssn 536-22-8145, MRN 12345678")[0] == "ssn [national id], MRN [medical record]"
    assert policy.text("password=hunter2")[0] == "password=[secret]"


def test_a_hash_is_the_same_for_the_same_value_and_key_and_for_no_other() -> None:
    hashed = [
        redactor(key, email="hash", hash_key="env:K").text(text)[0] for key in "ab" for text in ("x@a.io", "y@a.io")
    ]
    assert len(set(hashed)) == 4


def test_what_was_redacted_is_counted_and_the_rest_is_untouched(alert: Alert) -> None:
    shown = redactor(fields=["requestParameters.note", "comment"]).alert(alert)
    assert shown.redacted == {"email": 3, "card": 1, "secret": 2, "field": 2}
    assert shown.summary == "a…@example.com logged in"
    assert shown.entities == {"user": ("a…@example.com",), "src_ip": ("203.0.113.17",)}
    assert shown.evidence[0] == {
        "password": "[secret]",
        "requestParameters": {"note": "[field]", "pan": "[card …1111]", "count": 3, "ok": True, "none": None},
        "list": ["[secret]", "plain"],
        "comment": "[field]",
        "a…@example.com": 1,
    }
    assert (shown.id, shown.rule_name, shown.description, shown.tags) == (
        alert.id, alert.rule_name, alert.description, alert.tags,
    )  # fmt: skip


def test_keys_that_become_alike_stay_two() -> None:
    evidence = {"amara@example.com": 1, "abla@example.com": 2}
    assert redactor().alert(delivery(evidence=(evidence,)).alert).evidence == (
        {"a…@example.com": 1, "a…@example.com'": 2},
    )


@pytest.fixture
def alert() -> Alert:
    evidence = {
        "password": "Welcome1",
        "requestParameters": {"note": "call me", "pan": int(CARD), "count": 3, "ok": True, "none": None},
        "list": ["ghp_" + "a1" * 18, "plain"],
        "comment": "anything",
        "amara@example.com": 1,
    }
    return delivery(
        summary="amara@example.com logged in",
        entities={"user": ("amara@example.com",), "src_ip": ("203.0.113.17",)},
        evidence=(evidence,),
    ).alert


def test_secrets_cannot_be_kept() -> None:
    with pytest.raises(ConfigError, match="secrets never leave"):
        validate(Redaction, {"secret": "keep"}, "mantissa.toml", "sinks.chat.redact")


def test_a_hash_needs_a_key() -> None:
    with pytest.raises(ConfigError, match="hash_key"):
        validate(Redaction, {"email": "hash"}, "mantissa.toml", "sinks.chat.redact")


SECRETS = [each for each in read() if any(kind == "secret" for kind, *_ in each.values)]


@given(labelled=st.sampled_from(SECRETS), place=st.sampled_from(["summary", "entities", "evidence", "key", "list"]))
def test_no_secret_reaches_an_outbox_row_not_even_of_a_local_destination(labelled: Labelled, place: str) -> None:
    field = labelled.field or "text"
    evidence: dict[str, Any] = {field: labelled.text} if place == "evidence" else {}
    if place == "key":
        evidence = {labelled.text: "x"}
    elif place == "list":
        evidence = {"deep": [{field: [labelled.text]}]}
    alert = delivery(
        summary=labelled.text if place == "summary" else "s",
        entities={field: (labelled.text,)} if place == "entities" else {},
        evidence=(evidence,),
    ).alert
    if place in {"summary", "key"} and labelled.field:
        return  # what makes it a secret is the name of its field
    for policy in (Redaction(), SECRETS_ONLY):
        row = json.dumps(alert_to_json(Redactor(policy).alert(alert)), ensure_ascii=False)
        for kind, start, end in labelled.values:
            assert kind != "secret" or len(labelled.text[start:end]) < 4 or labelled.text[start:end] not in row


def test_the_outbox_holds_what_the_destination_may_see_and_the_alert_all_of_it(
    state: State, signal: Callable[..., Signal]
) -> None:
    routes = [Route("chat"), Route("log", redactor=Redactor(SECRETS_ONLY))]
    made = signal("a", summary="lin@example.org", evidence={"cmd": "mysql -psecret-1 x", "mail": "lin@example.org"})
    [(_, alert)] = Alerts(state).apply([made], routes)
    waiting = {each.destination: each.delivery(None).alert for each in Outbox(state, {}).waiting()}
    assert waiting["chat"].evidence[0] == {"cmd": "mysql -p[secret] x", "mail": "l…@example.org"}
    assert waiting["log"].evidence[0] == {"cmd": "mysql -p[secret] x", "mail": "lin@example.org"}
    assert alert.evidence[0] == made.evidence
    assert alert.redacted == {"email": 2, "secret": 1}


def test_the_configuration_says_what_each_destination_may_see(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASH_KEY", "k3y")
    (tmp_path / "mantissa.toml").write_text(
        '[sinks.log]\nplugin = "core.file"\npath = "alerts.ndjson"\n'
        '[sinks.strict]\nplugin = "core.file"\npath = "strict.ndjson"\n'
        'redact = {email = "hash", hash_key = "env:HASH_KEY"}\n'
        '[sinks.chat]\nplugin = "core.webhook"\nurl = "https://chat.example.com/x"\n'
    )
    with Runtime.open(tmp_path / "mantissa.toml") as runtime:
        shown = {route.label: route.redactor.text("amara@example.com")[0] for route in runtime._routes()}
    assert shown == {
        "log": "amara@example.com",
        "strict": f"[email #{digest('amara@example.com')}]",
        "chat": "a…@example.com",
    }
