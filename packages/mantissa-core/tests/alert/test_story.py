from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mantissa_core.alert.story import story
from mantissa_core.testing.alert_sink import delivery

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def told(**changes: Any) -> dict[str, str]:
    return dict(story(delivery(**changes).alert).lines())


def test_the_six_questions_are_answered_from_the_alert_alone() -> None:
    evidence = {"m_user": "amara", "eventName": "StopLogging", "userName": "amara", "deep": {"a": 1}, "n": 7}
    assert told(
        rule_name="Trail stopped",
        entities={"user": ("amara",), "src_ip": ("203.0.113.7",), "target": ("trail",), "outcome": ("success",)},
        description="No record from then on.",
        tags=("attack.t1562.008", "attack.defense-evasion", "cis.1"),
        first_seen=NOON,
        last_seen=NOON + timedelta(minutes=4, seconds=2),
        evidence=(evidence, {"eventName": "other"}),
    ) == {
        "who": "amara",
        "what": "Trail stopped on trail (2 times): succeeded",
        "when": "2026-03-02 12:00:00 to 12:04:02 UTC (4 min)",
        "where": "from 203.0.113.7 in aws_cloudtrail",
        "why": "No record from then on.",
        "how": "ATT&CK T1562.008, defense evasion; eventName=StopLogging, n=7",
    }


def test_what_the_events_do_not_say_is_left_out() -> None:
    bare = {"description": "", "table": "", "tags": (), "entities": {}, "event_ids": (), "evidence": (), "count": 1}
    assert set(told(**bare)) == {"what", "when"}


def test_of_many_a_few_are_named() -> None:
    assert told(entities={"user": tuple("abcde")})["who"] == "a, b, c and 2 more"


def test_an_address_comes_with_its_place_where_an_enricher_tells_one() -> None:
    enrichment = {"geo": {"ips": {"203.0.113.7": {"city": "Oslo", "country": "Norway"}}}, "other": {"x": 1}, "odd": [1]}
    where = told(entities={"src_ip": ("203.0.113.7",), "dst_ip": ("10.0.0.1",)}, enrichment=enrichment)["where"]
    assert where == "from 203.0.113.7 (Oslo, Norway) to 10.0.0.1 in aws_cloudtrail"


def test_what_is_said_of_a_value_stands_beside_it_whoever_it_is() -> None:
    entities = {"user": ("mallory",), "dst_ip": ("203.0.113.7",), "target": ("evil.example", "198.51.100.7")}
    bad = {"reputation": "listed in own.csv"}
    addresses = {"203.0.113.7": bad, "198.51.100.7": {"city": "Oslo", **bad}}
    lists = {"indicators": {"mallory": bad, "evil.example": bad}, "ips": addresses}
    found = told(entities=entities, enrichment={"lists": lists}, count=1, rule_name="Rule")
    assert found["who"] == "mallory (listed in own.csv)"
    assert found["what"] == "Rule on evil.example (listed in own.csv), 198.51.100.7 (listed in own.csv)"
    assert found["where"] == "to 203.0.113.7 (listed in own.csv) in aws_cloudtrail"


@pytest.mark.parametrize(
    ("span", "wanted"),
    [
        (timedelta(), "2026-03-02 12:00:00 UTC"),
        (timedelta(seconds=90), "2026-03-02 12:00:00 to 12:01:30 UTC (90 s)"),
        (timedelta(hours=13), "2026-03-02 12:00:00 to 2026-03-03 01:00:00 UTC (13 h)"),
        (timedelta(days=3), "2026-03-02 12:00:00 to 2026-03-05 12:00:00 UTC (3 d)"),
    ],
)
def test_a_span_is_told_in_one_unit(span: timedelta, wanted: str) -> None:
    assert told(first_seen=NOON, last_seen=NOON + span)["when"] == wanted


def test_a_long_fact_is_cut_with_a_mark() -> None:
    assert told(tags=(), evidence=({"command": "x" * 500},))["how"] == "command=" + "x" * 159 + "…"


def test_where_it_went_is_told_with_what_is_known_of_it() -> None:
    facts = {"aws": {"assets": {"10.7.1.4": {"name": "web-1", "kind": "EC2 instance"}}}}
    entities = {"src_ip": ("203.0.113.7",), "dst_ip": ("10.7.1.4",)}
    told_of = told(entities=entities, enrichment=facts)
    assert told_of["where"] == "from 203.0.113.7 to 10.7.1.4 (web-1, EC2 instance) in aws_cloudtrail"


def test_people_assets_and_reputations_are_told_where_enrichers_know_them() -> None:
    enrichment = {
        "okta": {"users": {"amara": {"title": "Controller", "department": "Finance", "groups": ["x"]}}},
        "inventory": {"assets": {"db-1": {"kind": "database", "environment": "production"}}},
        "geo": {"ips": {"203.0.113.7": {"country": "Norway"}}},
        "abuse": {"ips": {"203.0.113.7": {"reputation": "reported 12 times"}}},
    }
    entities = {"user": ("amara",), "target": ("db-1",), "src_ip": ("203.0.113.7",)}
    answers = told(entities=entities, enrichment=enrichment)
    assert answers["who"] == "amara (Controller, Finance)"
    assert "on db-1 (database, production)" in answers["what"]
    assert "from 203.0.113.7 (Norway, reported 12 times)" in answers["where"]
