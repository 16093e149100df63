from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fake_virustotal import CLEAN, HASH, KEY, FakeVirusTotal
from mantissa_core.alert.story import story
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import an_alert
from mantissa_core.testing.fake_http import Answer
from mantissa_virustotal.enricher import VirusTotal


def over(server: FakeVirusTotal, **settings: Any) -> VirusTotal:
    written = {"api_key": KEY, "server": server.url, "timeout": 5, "requests_per_minute": 1000, **settings}
    return VirusTotal(VirusTotal.Config.model_validate(written))


def targeting(*targets: str) -> Alert:
    return replace(an_alert(), entities={"target": targets})


def test_addresses_domains_and_files_come_with_a_verdict(virustotal: FakeVirusTotal) -> None:
    alert = replace(
        targeting("Evil.Example.", HASH.upper()),
        entities={**targeting("Evil.Example.", HASH.upper()).entities, "src_ip": ("203.0.113.7",)},
    )
    found = over(virustotal).enrich(alert)
    assert found is not None
    verdict = {"malicious": 12, "suspicious": 1, "engines": 90}
    verdict |= {"reputation": "malicious: 12 of 90 engines (VirusTotal)"}
    assert found.facts == {
        "ips": {"203.0.113.7": verdict},
        "indicators": {"Evil.Example.": verdict, HASH.upper(): verdict},
    }
    told = story(replace(alert, enrichment={"vt": found.facts}))
    assert "203.0.113.7 (malicious: 12 of 90 engines (VirusTotal))" in told.where
    assert "Evil.Example. (malicious: 12 of 90 engines (VirusTotal))" in told.what


def test_nobody_reads_of_what_no_engine_minds(virustotal: FakeVirusTotal) -> None:
    found = over(virustotal).enrich(an_alert(dst_ip="198.51.100.9"))
    assert found is not None
    assert found.facts == {"ips": {"198.51.100.9": {"malicious": 0, "suspicious": 0, "engines": 90}}}


def test_suspicion_alone_is_told_as_such(virustotal: FakeVirusTotal) -> None:
    virustotal.reports["domains/odd.example"] = {**CLEAN, "suspicious": 2}
    found = over(virustotal).enrich(targeting("odd.example"))
    assert found is not None
    assert found.facts["indicators"]["odd.example"]["reputation"] == "suspicious: 2 of 92 engines (VirusTotal)"


@pytest.mark.parametrize(
    "target",
    [
        "prod-bucket",
        "db1.internal",
        "printer.local",
        "10.0.0.1",
        "arn:aws:iam::123456789012:user/amara",
        "../users/me",
        "evil.example/../../users",
        "evil.example?x=1",
        "evil.example#",
        "a..example",
        "-a.example",
        "a" * 64 + ".example",
        "a." * 130 + "example",
        "abcdef",
        "e" * 63,
        "report.7z",
        "evil.example\n",
        "https://evil.example/",
    ],
)
def test_what_is_no_public_name_and_no_hash_is_not_asked_about(virustotal: FakeVirusTotal, target: str) -> None:
    assert over(virustotal).enrich(targeting(target)) is None
    assert virustotal.asked() == []


def test_own_domains_are_kept_to_oneself(virustotal: FakeVirusTotal) -> None:
    enricher = over(virustotal, own_domains=["Example.com", ".corp.example"])
    enricher.enrich(targeting("www.example.com", "example.com", "corp.example", "a.corp.example"))
    assert virustotal.asked() == []
    enricher.enrich(targeting("badexample.com"))
    assert virustotal.asked() == ["domains/badexample.com"]


def test_about_one_alert_a_few_questions_are_asked_addresses_first(virustotal: FakeVirusTotal) -> None:
    entities = {"target": ("evil.example", HASH), "src_ip": ("203.0.113.7", "10.0.0.1"), "dst_ip": ("198.51.100.9",)}
    over(virustotal, per_alert=3).enrich(replace(an_alert(), entities=entities))
    assert virustotal.asked() == ["ip_addresses/203.0.113.7", "ip_addresses/198.51.100.9", "domains/evil.example"]


def test_answers_are_remembered_also_that_nothing_is_known(virustotal: FakeVirusTotal) -> None:
    enricher = over(virustotal)
    for _ in range(3):
        enricher.enrich(an_alert(src_ip="203.0.113.7", dst_ip="192.0.2.1"))
    assert sorted(virustotal.asked()) == ["ip_addresses/192.0.2.1", "ip_addresses/203.0.113.7"]


def test_what_was_answered_before_the_quota_ended_is_not_asked_again(virustotal: FakeVirusTotal) -> None:
    enricher, alert = over(virustotal), an_alert(src_ip="203.0.113.7", dst_ip="198.51.100.9")
    virustotal.quota = 1
    with pytest.raises(Retry, match=r"VirusTotal's rate limit is used up \(QuotaExceededError\)"):
        enricher.enrich(alert)
    virustotal.quota = 1
    found = enricher.enrich(alert)
    assert found is not None
    assert set(found.facts["ips"]) == {"203.0.113.7", "198.51.100.9"}


def test_beyond_the_configured_quota_nothing_is_asked(virustotal: FakeVirusTotal) -> None:
    enricher = over(virustotal, requests_per_minute=2)
    enricher.enrich(an_alert(src_ip="203.0.113.7", dst_ip="198.51.100.9"))
    with pytest.raises(Retry, match="2 a minute are configured") as caught:
        enricher.enrich(an_alert(src_ip="192.0.2.1"))
    assert caught.value.after is not None
    assert 0 < caught.value.after <= 30
    assert len(virustotal.asked()) == 2


def test_a_wrong_key_and_a_wrong_address_need_the_operator(virustotal: FakeVirusTotal) -> None:
    with pytest.raises(NeedsOperator, match=r"refuses the API key.*WrongCredentialsError"):
        over(virustotal, api_key="f" * 64).check()
    elsewhere = FakeVirusTotal()
    elsewhere.answer = lambda _request: Answer(404, {"error": "no such page"})  # type: ignore[method-assign]
    with elsewhere, pytest.raises(NeedsOperator, match="404: there is no such API at this address"):
        over(elsewhere).check()


def test_check_asks_one_question(virustotal: FakeVirusTotal) -> None:
    over(virustotal).check()
    assert virustotal.asked() == ["domains/virustotal.com"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"error": {"code": "TransientError"}}, id="error"),
        pytest.param([], id="list"),
        pytest.param({"data": None}, id="null"),
        pytest.param({"data": {"attributes": {"last_analysis_stats": [1]}}}, id="stats are a list"),
        pytest.param(b"<html>Sign in to the guest network</html>", id="page"),
        pytest.param(b'{"data": NaN}', id="NaN"),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_an_answer_of_another_shape_is_not_believed(virustotal: FakeVirusTotal, body: Any) -> None:
    virustotal.answer = lambda _request: Answer(200, body)  # type: ignore[method-assign]
    with pytest.raises(Retry):
        over(virustotal).enrich(an_alert(src_ip="203.0.113.7"))


def test_numbers_that_are_none_count_as_nothing(virustotal: FakeVirusTotal) -> None:
    virustotal.reports["domains/odd.example"] = {
        "malicious": "12",
        "suspicious": -3,
        "harmless": True,
        "undetected": 1e9,
    }
    assert over(virustotal).enrich(targeting("odd.example")) is None


def test_a_huge_answer_is_not_read_to_its_end(virustotal: FakeVirusTotal) -> None:
    virustotal.answer = lambda _request: Answer(200, b" " * 5_000_000)  # type: ignore[method-assign]
    with pytest.raises(NeedsOperator, match="more than 4194304 bytes"):
        over(virustotal).enrich(an_alert(src_ip="203.0.113.7"))
