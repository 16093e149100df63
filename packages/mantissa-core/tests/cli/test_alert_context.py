from __future__ import annotations

import json
from typing import Any

import pytest
from mantissa_core.alert.codec import alert_to_json
from mantissa_core.cli.alerts.context import show_context
from mantissa_core.testing.alert_sink import delivery

AMARA = {"name": "Amara Okafor", "groups": ["Everyone", "Finance"], "mfa": False, "last_login": "2026-03-04T08:15:00Z"}


def shown(capsys: pytest.CaptureFixture[str], **changes: Any) -> str:
    show_context(delivery(**changes).alert)
    return capsys.readouterr().out


def test_each_user_address_and_asset_has_a_block(capsys):
    facts = {
        "okta": {"users": {"amara@example.com": AMARA}},
        "aws": {"assets": {"203.0.113.7": {"name": "web-1", "tags": {"Team": "web", "Tier": "1"}}}},
    }
    assert shown(capsys, enrichment=facts).splitlines() == [
        "",
        "CONTEXT",
        "  amara@example.com",
        "    name        Amara Okafor",
        "    groups      Everyone, Finance",
        "    mfa         no",
        "    last login  2026-03-04T08:15:00Z",
        "  203.0.113.7",
        "    name  web-1",
        "    tags  Team=web, Tier=1",
    ]


def test_what_two_say_of_one_address_stands_side_by_side(capsys):
    said = {"abuse": "reported 12 times", "virus": "malicious, say 3 of 90"}
    facts = {label: {"ips": {"203.0.113.7": {"reputation": text, "country": "Norway"}}} for label, text in said.items()}
    lines = shown(capsys, enrichment=facts).splitlines()
    assert lines[2:] == [
        "  203.0.113.7",
        "    reputation  reported 12 times, malicious, say 3 of 90",
        "    country     Norway",
    ]


def test_facts_of_another_shape_stand_under_their_enricher(capsys):
    text = shown(capsys, enrichment={"sites": {"sites": {"10.1.0.7": "Oslo"}}, "odd": ["a", {"b": 1}]})
    assert text.splitlines()[2:] == ["  sites", "    sites  10.1.0.7=Oslo", "  odd", "    facts  a; b=1"]


def test_what_is_missing_is_told_with_the_reason(capsys):
    text = shown(capsys, unenriched={"okta": "no answer within 2 s"})
    assert text.splitlines()[1:] == ["CONTEXT", "not known: okta: no answer within 2 s"]


def test_what_the_story_tells_in_a_sentence_is_not_repeated_in_numbers(capsys):
    facts = {"peers": {"peers": {"amara": {"sentence": "amara did this", "days": 14}}}}
    assert shown(capsys, enrichment=facts) == ""


def test_without_any_facts_nothing_is_printed(capsys):
    assert shown(capsys) == ""


@pytest.mark.parametrize("hostile", ["\x1b[31mred", "[bold]x[/bold]", "a\nb", "x" * 100_000])
def test_facts_cannot_steer_the_terminal_or_flood_it(capsys, hostile):
    facts = {hostile: {"users": {hostile: {hostile: hostile, "tags": {hostile: [hostile]}}}}}
    text = shown(capsys, enrichment=facts, unenriched={"okta": hostile[:300]})
    assert "\x1b[31m" not in text
    assert len(text) < 5_000
    if "bold" in hostile:
        assert "[bold]x[/bold]" in text


def test_the_json_of_an_alert_has_the_facts_and_what_is_missing():
    facts = {"okta": {"users": {"amara@example.com": AMARA}}}
    said = json.loads(json.dumps(alert_to_json(delivery(enrichment=facts, unenriched={"aws": "late"}).alert)))
    assert (said["enrichment"], said["unenriched"]) == (facts, {"aws": "late"})
