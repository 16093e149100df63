from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fake_abuseipdb import KEY, REPORTED, FakeAbuseIPDB
from mantissa_abuseipdb.enricher import AbuseIPDB
from mantissa_core.alert.story import story
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.testing.enricher import an_alert
from mantissa_core.testing.fake_http import Answer


def over(server: FakeAbuseIPDB, **settings: Any) -> AbuseIPDB:
    return AbuseIPDB(AbuseIPDB.Config.model_validate({"api_key": KEY, "server": server.url, "timeout": 5, **settings}))


def test_a_reported_address_comes_with_what_is_said_of_it(abuseipdb: FakeAbuseIPDB) -> None:
    alert = an_alert(src_ip="203.0.113.7", dst_ip="192.0.2.1")
    found = over(abuseipdb).enrich(alert)
    assert found is not None
    assert found.facts == {
        "ips": {
            "203.0.113.7": {
                "reputation": "reported 12 times, confidence 90 % (AbuseIPDB)",
                "score": 90,
                "reports": 12,
                "last_reported": "2026-03-01T10:00:00+00:00",
                "country_code": "NO",
                "organisation": "Example Net",
                "usage": "Data Center/Web Hosting/Transit",
                "tor": True,
            }
        }
    }
    where = story(replace(alert, enrichment={"abuse": found.facts})).where
    assert "203.0.113.7 (Example Net, reported 12 times, confidence 90 % (AbuseIPDB))" in where


@pytest.mark.parametrize(
    ("score", "reports", "said"),
    [
        (100, 1, "reported once, confidence 100 % (AbuseIPDB)"),
        (3, 12_345, "reported 12,345 times, confidence 3 % (AbuseIPDB)"),
        (0, 4, None),
    ],
)
def test_reports_without_confidence_are_kept_and_not_told(
    abuseipdb: FakeAbuseIPDB, score: int, reports: int, said: str | None
) -> None:
    abuseipdb.reports["203.0.113.7"] = {"abuseConfidenceScore": score, "totalReports": reports}
    found = over(abuseipdb).enrich(an_alert(src_ip="203.0.113.7"))
    assert found is not None
    assert found.facts["ips"]["203.0.113.7"].get("reputation") == said
    assert found.facts["ips"]["203.0.113.7"]["reports"] == reports


def test_of_many_addresses_a_few_public_ones_are_asked_about_once(abuseipdb: FakeAbuseIPDB) -> None:
    addresses = ("10.0.0.1", *(f"203.0.113.{number}" for number in range(9)), "not an address")
    enricher = over(abuseipdb, per_alert=2)
    for _ in range(3):
        enricher.enrich(replace(an_alert(), entities={"src_ip": addresses}))
    assert abuseipdb.asked() == ["203.0.113.0", "203.0.113.1"]


def test_addresses_of_both_versions_are_asked_in_canonical_form(abuseipdb: FakeAbuseIPDB) -> None:
    over(abuseipdb).enrich(an_alert(src_ip="2001:0DB8::0001", dst_ip="::ffff:203.0.113.7"))
    assert abuseipdb.asked() == ["2001:db8::1", "203.0.113.7"]


def test_the_age_of_reports_is_the_configured_one(abuseipdb: FakeAbuseIPDB) -> None:
    over(abuseipdb, max_age_days=365).check()
    assert abuseipdb.requests[0].query == {"ipAddress": "127.0.0.1", "maxAgeInDays": "365"}


def test_once_the_day_is_used_up_nothing_more_is_asked(abuseipdb: FakeAbuseIPDB) -> None:
    enricher = over(abuseipdb)
    abuseipdb.left = 1
    assert enricher.enrich(an_alert(src_ip="203.0.113.7"))
    with pytest.raises(Retry, match="used up") as caught:
        enricher.enrich(an_alert(src_ip="203.0.113.8"))
    assert caught.value.after is not None
    assert 3000 < caught.value.after <= 3600
    assert abuseipdb.asked() == ["203.0.113.7"]
    assert enricher.enrich(an_alert(src_ip="203.0.113.7")), "what is known is still told"


def test_a_refusal_for_the_day_says_when_to_come_back(abuseipdb: FakeAbuseIPDB) -> None:
    abuseipdb.left, abuseipdb.retry_after = 0, 1200
    with pytest.raises(Retry, match="AbuseIPDB's rate limit is used up") as caught:
        over(abuseipdb).enrich(an_alert(src_ip="203.0.113.7"))
    assert caught.value.after == 1200


def test_a_wrong_key_and_a_plan_that_is_too_small_need_the_operator(abuseipdb: FakeAbuseIPDB) -> None:
    with pytest.raises(NeedsOperator, match="refuses the API key"):
        over(abuseipdb, api_key="f" * 80).check()
    abuseipdb.longest = 90
    with pytest.raises(NeedsOperator, match="paid plan: lower max_age_days"):
        over(abuseipdb, max_age_days=365).check()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"errors": [{"detail": "down", "status": 500}]}, id="errors"),
        pytest.param({"data": []}, id="list"),
        pytest.param({"data": {}}, id="empty"),
        pytest.param({"data": {**REPORTED, "abuseConfidenceScore": "90"}}, id="score is a text"),
        pytest.param({"data": {**REPORTED, "totalReports": None}}, id="no reports"),
        pytest.param(b"<!DOCTYPE html>", id="page"),
    ],
)
def test_an_answer_of_another_shape_is_not_believed(abuseipdb: FakeAbuseIPDB, body: Any) -> None:
    abuseipdb.answer = lambda _request: Answer(200, body)  # type: ignore[method-assign]
    with pytest.raises(Retry):
        over(abuseipdb).enrich(an_alert(src_ip="203.0.113.7"))


def test_texts_of_any_kind_stay_short_and_plain(abuseipdb: FakeAbuseIPDB) -> None:
    abuseipdb.reports["203.0.113.7"] = {**REPORTED, "isp": "\x1b[2J" + "x" * 10_000, "countryCode": 47, "isTor": "yes"}
    found = over(abuseipdb).enrich(an_alert(src_ip="203.0.113.7"))
    assert found is not None
    facts = found.facts["ips"]["203.0.113.7"]
    assert facts["organisation"].startswith("\\x1b[2Jxxx")
    assert len(facts["organisation"]) == 100
    assert {"country_code", "tor"}.isdisjoint(facts)
