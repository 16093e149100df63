from __future__ import annotations

from collections.abc import Iterator

import pytest
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Fault
from mantissa_core.vendor_api import Bearer, Lookup, Vendor
from pydantic import SecretStr

ACME = Vendor("Acme", error_code="code", unknown_codes=frozenset({"none"}))


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHTTP]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeHTTP() as fake:
        yield fake


def over(server: FakeHTTP, per_minute: int = 100) -> Lookup:
    return Lookup(ACME, server.url, Bearer(SecretStr("s3cret")), timeout=5, per_minute=per_minute)


def test_a_question_is_signed_and_asked_once(acme: FakeHTTP) -> None:
    acme.answer = lambda _request: Answer(200, {"a": {"b": 1}})  # type: ignore[method-assign]
    answer = over(acme).get("/of/203.0.113.7", {"days": "30"})
    assert answer is not None
    assert answer.record("a") == {"b": 1}
    [request] = acme.requests
    assert (request.route, request.query, request.headers["authorization"]) == (
        "/of/203.0.113.7",
        {"days": "30"},
        "Bearer s3cret",
    )
    with pytest.raises(Retry, match="Acme's answer is not the one that was asked for"):
        answer.record("a.b")


def test_a_failure_is_not_asked_about_again(acme: FakeHTTP) -> None:
    asked: list[str] = []
    acme.answer = lambda request: asked.append(request.route) or Answer(503)  # type: ignore[method-assign,func-returns-value]
    with pytest.raises(Retry):
        over(acme).get("/x")
    assert asked == ["/x"]


def test_nothing_known_is_told_from_a_wrong_address(acme: FakeHTTP) -> None:
    acme.answer = lambda request: Answer(404, {"code": request.route.strip("/")})  # type: ignore[method-assign]
    assert over(acme).get("/none") is None
    with pytest.raises(NeedsOperator, match="404"):
        over(acme).get("/other")


def test_a_busy_vendor_is_asked_again_when_it_likes(acme: FakeHTTP) -> None:
    lookup = over(acme)
    acme.inject(Fault.BUSY)
    with pytest.raises(Retry) as caught:
        lookup.get("/x")
    assert caught.value.after == 7
    acme.heal()
    acme.answer = lambda _request: Answer(200, {})  # type: ignore[method-assign]
    assert lookup.get("/x") is not None


def test_a_limit_without_a_time_means_a_minute(acme: FakeHTTP) -> None:
    acme.answer = lambda _request: Answer(429, {"code": "QuotaExceeded"})  # type: ignore[method-assign]
    with pytest.raises(Retry, match=r"rate limit is used up \(QuotaExceeded\)") as caught:
        over(acme).get("/x")
    assert caught.value.after == 60


def test_the_quota_is_shared_by_those_with_one_credential(acme: FakeHTTP) -> None:
    acme.answer = lambda _request: Answer(200, {})  # type: ignore[method-assign]
    one, other = over(acme, per_minute=3), over(acme, per_minute=3)
    for each in (one, other, one):
        each.get("/x")
    with pytest.raises(Retry, match="3 a minute are configured") as caught:
        other.get("/x")
    assert caught.value.after is not None
    assert 0 < caught.value.after <= 20
    assert len(acme.requests) == 3


def test_a_limit_that_an_answer_announces_is_not_run_into(acme: FakeHTTP) -> None:
    acme.answer = lambda _request: Answer(200, {}, {"X-RateLimit-Remaining": "0", "Retry-After": "40"})  # type: ignore[method-assign]
    lookup = over(acme)
    assert lookup.get("/x") is not None
    with pytest.raises(Retry) as caught:
        lookup.get("/x")
    assert caught.value.after is not None
    assert 30 < caught.value.after <= 40
