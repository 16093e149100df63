from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request
from mantissa_core.testing.fake_tokens import FakeTokens
from mantissa_core.testing.loopback import LoopbackServer
from mantissa_core.vendor_api import (
    Bearer,
    ClientCredentials,
    CursorRefused,
    OAuth,
    TokenEndpoint,
    Vendor,
    VendorClient,
)
from mantissa_core.vendor_api.attempts import Attempts
from mantissa_core.vendor_api.http import http_client
from pydantic import SecretStr

ACME = Vendor("Acme")
TOKEN = "t0ken-of-the-tests"


class Scripted(LoopbackServer):
    """Gives one answer after the other, the last one for ever; ``None`` closes the connection."""

    def __init__(self, *answers: Answer | None) -> None:
        super().__init__()
        self.answers, self.requests = list(answers), list[Request]()

    def respond(self, request: Request) -> Answer | None:
        self.requests.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def client(server: LoopbackServer, **options: Any) -> VendorClient:
    sleep = options.pop("sleep", lambda _seconds: None)
    return VendorClient(ACME, server.url, Bearer(SecretStr(TOKEN)), timeout=10, sleep=sleep, **options)


def test_a_request_is_signed_and_names_its_sender() -> None:
    with Scripted(Answer(200, [{"id": 1}])) as server:
        found = client(server, headers={"X-Version": "2"}).get("/audit", {"limit": "1"})
    assert found.records() == [{"id": 1}]
    [request] = server.requests
    assert (request.path, request.headers["authorization"]) == ("/audit?limit=1", f"Bearer {TOKEN}")
    assert (request.headers["x-version"], request.headers["user-agent"]) == ("2", "mantissa-acme")


@pytest.mark.parametrize("hiccup", [None, Answer(502), Answer(503)], ids=["reset", "502", "503"])
def test_a_hiccup_is_tried_again_within_the_call(hiccup: Answer | None) -> None:
    pauses: list[float] = []
    with Scripted(hiccup, hiccup, Answer(200, {"ok": 1})) as server:
        assert client(server, sleep=pauses.append).get("/audit").document == {"ok": 1}
    assert len(server.requests) == 3
    assert 0 <= pauses[0] <= 0.2
    assert 0 <= pauses[1] <= 0.4


@pytest.mark.parametrize(
    "answer", [Answer(500), Answer(503, headers={"Retry-After": "9"}), Answer(429), Answer(408)], ids=lambda a: a.status
)
def test_what_is_no_hiccup_is_left_to_the_runtime(answer: Answer) -> None:
    with Scripted(answer, Answer(200)) as server, pytest.raises(Retry):
        client(server).get("/audit")
    assert len(server.requests) == 1


def test_a_slow_hiccup_is_left_to_the_runtime() -> None:
    now = 0.0

    def send() -> httpx.Response:
        nonlocal now
        now += 3
        return httpx.Response(503)

    attempts = Attempts(limit=10, sleep=lambda _seconds: None, clock=lambda: now)
    assert attempts.run(send, "GET").status_code == 503
    assert now == 6


def test_what_changes_something_is_never_sent_twice() -> None:
    with Scripted(Answer(503), Answer(200)) as server, pytest.raises(Retry):
        client(server).request("POST", "/search", body={"from": 1})
    assert len(server.requests) == 1
    assert server.requests[0].json() == {"from": 1}


def test_an_outage_is_not_answered_with_a_storm() -> None:
    with Scripted(Answer(503)) as server:
        subject = client(server)
        for _ in range(20):
            with pytest.raises(Retry):
                subject.get("/audit")
    assert 20 <= len(server.requests) <= 31


def test_a_lapsed_token_is_renewed_once() -> None:
    tokens = FakeTokens("client", "s3cret")

    def answer(request: Request) -> Answer:
        if request.route == "/token":
            return tokens.answer(request)
        return Answer(200, {"ok": 1}) if tokens.accepts(request) else Answer(401)

    with FakeHTTP(answer) as server:
        http = http_client("test", 10)
        grant = ClientCredentials(TokenEndpoint(ACME, f"{server.url}/token", http), "client", SecretStr("s3cret"))
        subject = VendorClient(ACME, server.url, OAuth(grant), timeout=10)
        subject.get("/audit")
        tokens.lapse()
        assert subject.get("/audit").document == {"ok": 1}
        assert len(tokens.given) == 2


def test_a_credential_that_stays_refused_needs_the_operator() -> None:
    def answer(request: Request) -> Answer:
        return Answer(200, {"access_token": "x"}) if request.route == "/token" else Answer(401)

    with FakeHTTP(answer) as server:
        endpoint = TokenEndpoint(ACME, f"{server.url}/token", http_client("test", 10))
        scheme = OAuth(ClientCredentials(endpoint, "client", SecretStr("s3cret")))
        with pytest.raises(NeedsOperator):
            VendorClient(ACME, server.url, scheme, timeout=10).get("/audit")
        assert [request.path for request in server.requests] == ["/token", "/audit", "/token", "/audit"]


def test_a_limit_that_is_used_up_stops_everybody_who_shares_the_credential() -> None:
    headers = {"X-RateLimit-Remaining": "0", "Retry-After": "40"}
    with Scripted(Answer(200, [], headers)) as server:
        one, other = client(server), client(server)
        one.get("/audit")
        for subject in (one, other):
            with pytest.raises(Retry, match="Acme's rate limit is used up") as raised:
                subject.get("/audit")
            assert raised.value.after is not None
            assert 0 < raised.value.after <= 40
    assert len(server.requests) == 1


def test_a_slow_budget_sends_the_runtime_away_and_a_fast_one_waits() -> None:
    with Scripted(Answer(200, [])) as server:
        slow = client(server, per_minute=1, burst=1)
        slow.get("/audit")
        with pytest.raises(Retry, match=r"budget of 1 requests a minute to Acme is used up: .* in \d+ s") as raised:
            slow.get("/audit")
        assert raised.value.after is not None
        assert 0 < raised.value.after <= 60


def test_a_short_wait_for_the_budget_is_slept_through() -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        time.sleep(seconds)

    with Scripted(Answer(200, [])) as server:
        fast = client(server, per_minute=1200, burst=1, sleep=sleep)
        fast.get("/audit")
        fast.get("/audit")
    assert len(server.requests) == 2
    assert all(0 < pause <= 0.05 for pause in pauses)


def test_an_answer_that_is_too_large_needs_the_operator() -> None:
    with Scripted(Answer(200, ["x" * 2000])) as server, pytest.raises(NeedsOperator, match="1000 bytes"):
        client(server, answer_bytes=1000).get("/audit")


def test_a_refused_cursor_is_told_from_a_refused_query() -> None:
    with Scripted(Answer(400)) as server:
        with pytest.raises(CursorRefused):
            client(server).get("/audit", cursor_refused={400, 410})
        with pytest.raises(NeedsOperator):
            client(server).get("/audit")


@pytest.fixture
def gossip() -> Iterator[FakeHTTP]:
    """Repeats what it was sent, with any status that the path names."""

    def answer(request: Request) -> Answer:
        said = {"error": f"{dict(request.headers)} {request.path}"}
        return Answer(int(request.route[1:]), said, {"X-Request-Id": request.headers["authorization"]})

    with FakeHTTP(answer) as server:
        yield server


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 418, 429, 500, 503])
def test_no_error_repeats_the_credential_or_the_query(gossip: FakeHTTP, status: int) -> None:
    with pytest.raises((Retry, NeedsOperator)) as raised:
        client(gossip).get(f"/{status}", {"user": "amara"}).records()
    error: BaseException | None = raised.value
    while error is not None:
        assert TOKEN not in repr(error)
        assert "amara" not in repr(error)
        error = error.__cause__ or error.__context__


def test_a_file_is_written_as_it_comes() -> None:
    content = b'"EVENT_TYPE"\n' * 100_000
    with Scripted(Answer(200, content, {"Content-Type": "text/csv"})) as server, tempfile.TemporaryFile() as file:
        client(server).download("/file", file, limit=len(content))
        file.seek(0)
        assert file.read() == content
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_every_attempt_at_a_file_begins_anew() -> None:
    with Scripted(None, Answer(503, b"later"), Answer(200, b"whole")) as server, tempfile.TemporaryFile() as file:
        file.write(b"what an attempt before left")
        client(server).download("/file", file, limit=100)
        file.seek(0)
        assert file.read() == b"whole"
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Answer(200, b"x" * 101), NeedsOperator, "more than 100 bytes"),
        (Answer(200, b"<html>", {"Content-Type": "text/html"}), Retry, "web page instead of a file"),
        (Answer(403, {"error": "no"}), NeedsOperator, "lacks a permission"),
        (Answer(404, {"error": "no"}), Retry, "deleted the file"),
        (Answer(500, {"error": "no"}), Retry, "500"),
    ],
    ids=["large", "page", "403", "404", "500"],
)
def test_what_is_no_file_is_an_error(answer: Answer, error: type[Exception], words: str) -> None:
    with Scripted(answer) as server, tempfile.TemporaryFile() as file, pytest.raises(error, match=words):
        client(server).download("/file", file, limit=100, gone={404})


def test_what_need_not_be_there_is_none_where_it_is_not() -> None:
    with Scripted(Answer(404, {"error": "no"}), Answer(200, {"id": 1}), Answer(403, {"error": "no"})) as server:
        asking = client(server)
        assert asking.find("/users/lin") is None
        found = asking.find("/users/amara")
        assert found is not None
        assert found.at("id") == 1
        with pytest.raises(NeedsOperator, match="lacks a permission"):
            asking.find("/users/noor")
