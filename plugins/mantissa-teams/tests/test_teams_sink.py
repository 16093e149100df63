from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_teams import LARGEST, FakeTeams, texts
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Severity
from mantissa_core.testing.alert_sink import Fault, delivery
from mantissa_core.testing.fake_http import Answer
from mantissa_core.testing.sample_alerts import SAMPLES
from mantissa_core.testing.snapshots import assert_snapshot
from mantissa_teams.card import STYLES, encoded, message
from mantissa_teams.sink import Teams
from pydantic import ValidationError

SIGNED = "/workflows/1/triggers/manual/paths/invoke?api-version=1&sig=s1gn"


def sink(teams: FakeTeams, **settings: Any) -> Teams:
    return Teams(Teams.Config.model_validate({"webhook_url": teams.address, "timeout": 2, **settings}))


@pytest.mark.parametrize("name", SAMPLES)
def test_what_people_read(teams: FakeTeams, name: str) -> None:
    sink(teams).deliver(SAMPLES[name])
    shown = json.dumps(teams.cards[0], indent=1, ensure_ascii=False) + "\n"
    assert_snapshot(Path(__file__).parent / "snapshots" / f"card-{name}.json", shown)
    assert_snapshot(Path(__file__).parent / "snapshots" / f"card-{name}.txt", teams.messages()[0] + "\n")


@pytest.mark.parametrize("severity", list(Severity))
def test_severity_is_a_word_and_a_colour(severity: Severity) -> None:
    [attachment] = message(delivery(severity=severity))["attachments"]
    head = attachment["content"]["body"][0]
    assert next(texts([head])) == severity.value.upper()
    assert head["style"] == STYLES[severity]


@pytest.mark.parametrize("character", ["x", "ü", "🔥", '"', "\x1b"], ids=["x", "umlaut", "fire", "quote", "escape"])
def test_the_message_about_the_largest_alert_is_small_enough(teams: FakeTeams, character: str) -> None:
    long = character * 100_000
    made = delivery(
        summary=long,
        rule_name=long,
        description=long,
        tags=(long,) * 50,
        entities=dict.fromkeys(("user", "src_ip", "dst_ip", "target", "outcome"), (long,) * 10),
        evidence=({f"{long}{number}": long for number in range(50)},) * 10,
        unenriched={f"e{number}": long for number in range(20)},
        redacted={"email": 3},
    )
    assert len(encoded(message(made))) <= 20_000 < LARGEST
    sink(teams).deliver(made)
    assert len(teams.cards) == 1


def test_text_that_would_be_markup_stands_where_no_markup_works(teams: FakeTeams) -> None:
    sink(teams).deliver(SAMPLES["hostile"])
    raw = json.dumps(teams.cards[0], ensure_ascii=False)
    assert "TextBlock" not in raw.replace("RichTextBlock", "")
    assert "://" not in raw.replace("http://adaptivecards.io", "")
    assert "{{" not in raw


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "DirectApiAuthorizationRequired", "the address lacks its signature"),
        (404, "WorkflowNotFound", "the workflow was deleted"),
        (400, "WorkflowTriggerIsNotEnabled", "the workflow is switched off"),
        (
            400,
            "TriggerInputSchemaMismatch",
            "it wants something else: use the template 'Send webhook alerts to a channel'",
        ),
        (400, "SomethingNew", "400 Bad Request: .*SomethingNew"),
        (200, "SomethingNew", "200 OK: .*SomethingNew"),
    ],
)
def test_a_refusal_needs_the_operator_and_says_what_to_do(teams: FakeTeams, status: int, code: str, words: str) -> None:
    teams.refusal = (status, code)
    with pytest.raises(NeedsOperator, match=f"Teams' workflow refuses the message: {words}"):
        sink(teams).deliver(delivery())


@pytest.mark.parametrize("status", [408, 429, 500, 502, 504])
def test_what_passes_is_tried_again(teams: FakeTeams, status: int) -> None:
    teams.refusal = (status, "Whatever")
    with pytest.raises(Retry, match=f"answered {status}"):
        sink(teams).deliver(delivery())


def test_no_answer_in_time_is_a_retry(teams: FakeTeams) -> None:
    teams.inject(Fault.TIMEOUT)
    with pytest.raises(Retry, match="did not answer in time"):
        sink(teams, timeout=0.5).deliver(delivery())


def test_the_page_of_a_proxy_is_no_answer(teams: FakeTeams, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Answer(200, b"<html>sign in</html>", {"Content-Type": "text/html"})
    monkeypatch.setattr(teams, "answer", lambda _request: page)
    with pytest.raises(Retry, match="answered with a page"):
        sink(teams).deliver(delivery())


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://example.webhook.office.com/webhookb2/1@2/IncomingWebhook/3/4", "Microsoft has retired"),
        ("https://outlook.office.com/webhook/1", "Microsoft has retired"),
        (f"http://prod-1.westeurope.logic.azure.com{SIGNED}", "https://…"),
        ("https://prod-1.westeurope.logic.azure.com/workflows/1?api-version=1", "let anyone trigger the workflow"),
        ("nothing", "https://…"),
    ],
    ids=["connector", "old-connector", "http", "unsigned", "nothing"],
)
def test_an_address_that_is_no_workflows_is_refused(address: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        Teams.Config.model_validate({"webhook_url": address})
    assert "IncomingWebhook" not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    ["prod-1.westeurope.logic.azure.com:443", "default0123.45.environment.api.powerplatform.com:443"],
    ids=["logic", "powerplatform"],
)
def test_both_addresses_of_workflows_are_taken(host: str) -> None:
    assert Teams.Config.model_validate({"webhook_url": f"https://{host}{SIGNED}"})
