from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fake_ipinfo import LEGACY, LITE, TOKEN, FakeIPinfo
from mantissa_core.alert.story import story
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.testing.enricher import an_alert
from mantissa_core.testing.fake_http import Answer
from mantissa_ipinfo.enricher import SERVERS, IPinfo

NETWORK = {"asn": "AS64496", "organisation": "Example Net"}
NORWAY = {"country": "Norway", "country_code": "NO"}
OSLO = {"city": "Oslo", "latitude": 59.9, "longitude": 10.8}


def over(server: FakeIPinfo, **settings: Any) -> IPinfo:
    return IPinfo(IPinfo.Config.model_validate({"token": TOKEN, "server": server.url, "timeout": 5, **settings}))


def told(enricher: IPinfo, address: str = "203.0.113.7") -> Any:
    found = enricher.enrich(an_alert(src_ip=address))
    return found and found.facts["ips"][address]


@pytest.mark.parametrize(
    ("api", "path", "wanted"),
    [
        ("lite", "/lite/203.0.113.7", NORWAY | NETWORK),
        ("core", "/lookup/203.0.113.7", NORWAY | OSLO | NETWORK),
        ("plus", "/plus/203.0.113.7", NORWAY | OSLO | NETWORK),
        ("legacy", "/203.0.113.7/json", {"country": "NO", "country_code": "NO"} | OSLO | NETWORK),
    ],
)
def test_each_api_tells_what_it_knows(ipinfo: FakeIPinfo, api: str, path: str, wanted: dict[str, Any]) -> None:
    assert told(over(ipinfo, api=api)) == wanted
    assert ipinfo.asked() == [path]
    assert api in SERVERS


def test_people_read_where_an_address_is(ipinfo: FakeIPinfo) -> None:
    alert = an_alert(dst_ip="203.0.113.7")
    found = over(ipinfo, api="core").enrich(alert)
    assert found is not None
    where = story(replace(alert, enrichment={"geo": found.facts})).where
    assert where.startswith("to 203.0.113.7 (Oslo, Norway, Example Net)")


def test_without_a_token_the_legacy_api_alone_answers(ipinfo: FakeIPinfo) -> None:
    assert told(over(ipinfo, token=None, api="legacy"))["city"] == "Oslo"
    assert "authorization" not in {name.lower() for name in ipinfo.requests[0].headers}
    with pytest.raises(NeedsOperator, match="token: found none, IPinfo's API 'lite' needs one"):
        over(ipinfo, token=None)


@pytest.mark.parametrize("address", ["10.0.0.1", "fe80::1%eth0", "203.0.113.7/../me", "", "1.2.3", "me"])
def test_what_is_no_public_address_is_not_asked_about(ipinfo: FakeIPinfo, address: str) -> None:
    assert told(over(ipinfo), address) is None
    assert ipinfo.asked() == []


def test_a_bogon_has_no_facts(ipinfo: FakeIPinfo) -> None:
    assert told(over(ipinfo), "192.0.2.254") is None
    assert ipinfo.asked() == ["/lite/192.0.2.254"]


def test_answers_are_remembered_and_few_addresses_asked_about(ipinfo: FakeIPinfo) -> None:
    enricher = over(ipinfo, per_alert=2)
    addresses = tuple(f"2001:db8::{number:x}" for number in range(1, 9))
    for _ in range(3):
        enricher.enrich(replace(an_alert(), entities={"src_ip": addresses}))
    assert ipinfo.asked() == ["/lite/2001:db8::1", "/lite/2001:db8::2"]


def test_a_wrong_token_needs_the_operator(ipinfo: FakeIPinfo) -> None:
    with pytest.raises(NeedsOperator, match="IPinfo refuses the token") as caught:
        over(ipinfo, token="wrong0wrong0wr").check()
    assert "wrong0" not in str(caught.value)


def test_a_plan_that_is_used_up_is_a_retry(ipinfo: FakeIPinfo) -> None:
    ipinfo.left = 0
    with pytest.raises(Retry, match="IPinfo's rate limit is used up"):
        told(over(ipinfo))


def test_check_asks_about_an_address_that_is_known(ipinfo: FakeIPinfo) -> None:
    over(ipinfo).check()
    assert ipinfo.asked() == ["/lite/8.8.8.8"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"status": 403, "error": {"title": "Unknown token"}}, id="error with status 200"),
        pytest.param([LITE], id="list"),
        pytest.param({"ip": 7}, id="no address"),
        pytest.param(b"Rate limit exceeded", id="text"),
        pytest.param(b"<html></html>", id="page"),
    ],
)
def test_an_answer_of_another_shape_is_not_believed(ipinfo: FakeIPinfo, body: Any) -> None:
    ipinfo.answer = lambda _request: Answer(200, body)  # type: ignore[method-assign]
    with pytest.raises(Retry):
        told(over(ipinfo))


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        pytest.param({"org": "Example Net", "loc": "north"}, {"organisation": "Example Net"}, id="no number"),
        pytest.param({"org": "AS0", "loc": "59.9"}, {"organisation": "AS0"}, id="odd number"),
        pytest.param({"org": None, "loc": [59.9, 10.8], "country": {}, "city": True}, {}, id="other types"),
    ],
)
def test_odd_legacy_answers_tell_what_can_be_understood(
    ipinfo: FakeIPinfo, changes: dict[str, Any], wanted: dict[str, Any]
) -> None:
    rest = {"country": None, "city": None}
    ipinfo.answer = lambda _request: Answer(200, {"ip": "203.0.113.7", **LEGACY, **rest, **changes})  # type: ignore[method-assign]
    assert told(over(ipinfo, api="legacy")) == (wanted or None)
