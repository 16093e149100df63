from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Action
from mantissa_core.respond.addresses import is_public, resolve
from mantissa_core.respond.http_request import HTTPRequest
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Fault


def plugin(server: FakeHTTP | None = None, **settings: object) -> HTTPRequest:
    host = server.url.removeprefix("http://") if server else "api.example.com"
    values = {"allowed_hosts": [host], "allow_private": True, "allow_http": True, "timeout": 2, **settings}
    return HTTPRequest(HTTPRequest.Config.model_validate(values))


def action(**arguments: object) -> Action:
    return Action("http.request", arguments, "run-1/step 1")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://evil.example/", "out of scope"),
        ("https://api.example.com.evil.example/", "out of scope"),
        ("https://api.example.com@evil.example/", "user or password"),
        ("https://api.example.com:8443/", "out of scope"),
        ("https://127.0.0.1/", "out of scope"),
        ("file:///etc/passwd", "begins with"),
        ("//api.example.com/", "begins with"),
        ("https:///", "out of scope"),
        ("https://api.example.com\\@evil.example/", "out of scope|no address|user or password"),
        ("https://[::1", "no address|out of scope"),
    ],
)
def test_only_the_named_hosts_are_called(url: str, reason: str) -> None:
    with pytest.raises(NeedsOperator, match=reason):
        plugin().plan_action(action(url=url))
    with pytest.raises(NeedsOperator, match=reason):
        plugin().undo_action(action(url="https://api.example.com/"), {"url": url})


def test_calls_without_tls_need_a_setting() -> None:
    with pytest.raises(NeedsOperator, match="allow_http"):
        plugin(allow_http=False).plan_action(action(url="http://api.example.com/"))


INSIDE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::a00:1", "2002:a00:1::1"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_off_the_internet_are_told_apart(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_on_the_internet_are_told_apart(address: str) -> None:
    assert is_public(ip_address(address))


def test_a_name_that_points_inside_is_refused_before_anything_is_sent() -> None:
    with FakeHTTP() as server:
        with pytest.raises(NeedsOperator, match="not on the Internet"):
            plugin(server, allow_private=False).execute_action(action(url=f"{server.url}/x"))
        assert server.requests == []


def test_an_address_that_resolves_to_nothing_is_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_more: [])
    with pytest.raises(Retry, match="does not resolve"):
        resolve("api.example.com", 443, allow_private=False)


def test_the_checked_address_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeHTTP() as server:
        port = int(server.url.rsplit(":", 1)[1])
        asked: list[object] = []
        real = socket.getaddrinfo

        def rebinding(host: str, *arguments: object, **more: object) -> object:
            asked.append(host)
            inside = asked.count("api.example.com") > 1  # what a hostile name server answers the second time
            return real("192.0.2.1" if inside else "127.0.0.1", *arguments, **more)  # type: ignore[arg-type]

        monkeypatch.setattr("socket.getaddrinfo", rebinding)
        calling = plugin(allowed_hosts=[f"api.example.com:{port}"])
        calling.execute_action(action(url=f"http://api.example.com:{port}/x"))
        assert server.requests[0].headers["host"] == f"api.example.com:{port}"
        assert asked.count("api.example.com") == 1


def test_redirects_are_not_followed() -> None:
    with FakeHTTP() as server:
        server.inject(Fault.REDIRECT)
        with pytest.raises(NeedsOperator, match="redirect"):
            plugin(server).execute_action(action(url=server.url))


def test_the_call_carries_key_body_and_headers_and_the_plugins_own_win() -> None:
    with FakeHTTP() as server:
        calling = plugin(server, headers={"Authorization": "Bearer secret"})
        headers = {"authorization": "mine", "X-Run": "7"}
        calling.execute_action(action(url=f"{server.url}/x?y=1", json={"ip": "198.51.100.7"}, headers=headers))
        [request] = server.requests
        assert (request.method, request.path) == ("POST", "/x?y=1")
        assert request.json() == {"ip": "198.51.100.7"}
        assert request.headers["authorization"] == "Bearer secret"
        assert request.headers["x-run"] == "7"
        assert request.headers["content-type"] == "application/json"
        assert request.headers["idempotency-key"] == "run-1/step 1"


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": "https://api.example.com/", "method": "TRACE"},
        {"url": "https://api.example.com/", "json": {}, "body": ""},
        {"url": "https://api.example.com/", "headers": {"X": "a\r\nHost: evil"}},
        {"url": "https://api.example.com/", "headers": {"Host": "evil"}},
        {"url": "https://api.example.com/", "headers": {"X y": "1"}},
        {"url": "https://api.example.com/", "unknown": 1},
        {"method": "POST"},
    ],
)
def test_arguments_that_make_no_call_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(NeedsOperator, match=r"http\.request"):
        plugin().plan_action(Action("http.request", arguments, "k"))


def test_an_unexpected_answer_to_the_probe_is_unknown_and_a_different_value_is_absent() -> None:
    answers = iter(
        [Answer(204, b""), Answer(200, {"user": {"active": True}}), Answer(200, {"user": {"active": False}})]
    )
    with FakeHTTP(lambda _: next(answers)) as server:
        probe = {"url": server.url, "expect_json": {"user.active": False}}
        states = [plugin(server).probe_action(action(url=server.url, probe=probe)).state for _ in range(3)]
    assert states == ["unknown", "absent", "present"]


def test_an_endless_answer_is_cut_off() -> None:
    with (
        FakeHTTP(lambda _: Answer(200, b"x" * (2 * 1024 * 1024))) as server,
        pytest.raises(NeedsOperator, match="more"),
    ):
        plugin(server).execute_action(action(url=server.url))


def test_what_the_server_says_is_quoted_without_our_secret() -> None:
    with FakeHTTP(
        lambda request: Answer(422, {"got": request.headers["authorization"], "why": "no such user"})
    ) as server:
        with pytest.raises(NeedsOperator, match="no such user") as caught:
            plugin(server, headers={"Authorization": "tops3cret"}).execute_action(action(url=server.url))
        assert "tops3cret" not in str(caught.value)
