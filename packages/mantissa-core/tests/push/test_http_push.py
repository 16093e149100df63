"""core.http: what is posted, what is answered, and what is let in."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from typing import Any

import httpx
import pytest
from mantissa_core.errors import BadRecord, LogTypeError, PluginError, Retry
from mantissa_core.push.http import HTTPPush
from mantissa_core.testing.certificates import make_certificate
from pydantic import ValidationError

TOKEN, NEXT, OTHER = "t0ken-of-acme-0123456789", "n3xt-token-of-acme-0123456789", "t0ken-of-other-0123456789"
SOURCES = {
    "acme": {"token": [TOKEN, NEXT], "log_type": "generic.json"},
    "cloud": {"token": OTHER, "log_type": "generic.json", "decoder": "core.json_array"},
}


def config(**settings: Any) -> HTTPPush.Config:
    return HTTPPush.Config.model_validate({"port": 0, "sources": SOURCES, **settings})


@pytest.fixture
def client(listening):
    opened = []

    def connect(source: str = "acme", token: str = TOKEN, **settings: Any) -> httpx.Client:
        port = listening(HTTPPush(config(**settings))).port
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        opened.append(httpx.Client(base_url=f"http://127.0.0.1:{port}/v1/ingest/{source}", headers=headers, timeout=30))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": 1}\n{"id": 2}\n',
        b'\xef\xbb\xbf{"id": 1}\r\n\r\n{"id": 2}',
        b'[{"id": 1}, {"id": 2}]',
        b'\n [\n{"id": 1},\n{"id": 2}\n]\n',
    ],
    ids=["lines", "lines with a mark", "array", "array on lines"],
)
def test_json_comes_in_any_form(client, lake, body):
    answer = client().post("", content=body)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2, "rejected": 0})
    assert lake.events == [{"id": 1}, {"id": 2}]
    assert [log_type for log_type, _ in lake.submitted] == ["generic.json"]


def test_a_single_object_may_stand_on_many_lines(client, lake):
    client().post("", content=json.dumps({"id": 1, "many": [1, 2]}, indent=2))
    assert lake.events == [{"id": 1, "many": [1, 2]}]


def test_a_source_may_have_a_decoder_of_its_own(client, lake):
    assert client("cloud", OTHER).post("", json={"Records": [{"id": 1}, {"id": 2}]}).json()["accepted"] == 2
    assert lake.events == [{"id": 1}, {"id": 2}]


def test_good_records_survive_bad_ones(client, lake):
    answer = client().post("", content=b'{"id": 1}\n{"id": \n[2]\n\xff\n{"id": 3}')
    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (200, 2, 3)
    assert len(answer.json()["errors"]) == 3
    assert lake.events == [{"id": 1}, {"id": 3}]
    assert [each.raw for each in lake.rejected] == [b'{"id": ', b"[2]", b"\xff"]


@pytest.mark.parametrize("body", [b"", b" \n", b"{", b'"text"', b"7", b"\xff", b"[" * 100_000, b"[1, 2]", b"<html>"])
def test_a_body_without_any_event_is_refused_and_says_why(client, lake, body):
    answer = client().post("", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert lake.submitted == []


def test_an_empty_array_is_no_mistake(client, lake):
    assert client().post("", content=b"[]").json() == {"accepted": 0, "rejected": 0}
    assert lake.submitted == []


@pytest.mark.parametrize(
    ("source", "token"),
    [("acme", ""), ("acme", "a guess"), ("acme", OTHER), ("cloud", TOKEN), ("nobody", TOKEN), ("", TOKEN)],
)
def test_a_wrong_token_is_refused_and_the_body_is_not_read(client, lake, source, token):
    answer = client(source, token).post("", json={"id": 1})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert lake.submitted == []


def test_two_tokens_work_while_one_is_replaced(client, lake):
    with_either = client()
    for token in (TOKEN, NEXT):
        assert with_either.post("", json={"id": 1}, headers={"Authorization": f"bearer {token}"}).status_code == 200
        assert with_either.post("", json={}, headers={"Authorization": "", "X-API-Key": token}).status_code == 200


def test_a_token_is_shown_once(client, lake):
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer else")]
    with httpx.Client(base_url=client().base_url) as plain:
        assert plain.post("", json={}, headers=headers).status_code == 400


def test_gzip_is_undone_up_to_a_bound(client, lake):
    pushing = client(max_decompressed_bytes=1_000)
    packed = {"Content-Encoding": "gzip"}
    two_members = gzip.compress(b'{"id": 1}\n') + gzip.compress(b'{"id": 2}')
    assert pushing.post("", content=two_members, headers=packed).json()["accepted"] == 2
    assert pushing.post("", content=gzip.compress(b" " * 100_000), headers=packed).status_code == 413
    assert pushing.post("", content=two_members[:-4], headers=packed).status_code == 400
    assert pushing.post("", content=b"plain", headers=packed).status_code == 400
    assert pushing.post("", content=b"{}", headers={"Content-Encoding": "br"}).status_code == 415
    assert len(lake.events) == 2


def test_a_large_body_is_refused_unread_and_the_sender_sees_it(client, lake):
    pushing = client(max_body_bytes=1_000)
    assert pushing.post("", content=b" " * 900_000).status_code == 413
    assert pushing.post("", content=iter([b" " * 600, b" " * 600])).status_code == 413
    assert pushing.post("", content=b"{}").status_code == 200


def test_chunks_are_joined(client, lake):
    assert client().post("", content=iter([b'{"id"', b": 1}\n", b'{"id": 2}'])).json()["accepted"] == 2


@pytest.mark.parametrize(
    ("chunks", "status"), [(b"5\r\n{}   \r\n0\r\n\r\n", 200), (b"zz\r\n", 400), (b"1\r\n{}\r\n0\r\n\r\n", 400)]
)
def test_broken_chunks_are_refused(client, lake, chunks, status):
    assert raw(client(), "Transfer-Encoding: chunked", chunks).startswith(f"HTTP/1.1 {status} ")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Content-Length: 2\r\nTransfer-Encoding: chunked", 400),
        ("Content-Length: 2\r\nContent-Length: 20", 400),
        ("Content-Length: -2", 400),
        ("Content-Length: two", 400),
        ("X-Length: 2", 411),
        ("Content-Length: 2\r\nContent-Type: application/json; charset=utf-16", 415),
    ],
)
def test_a_head_that_is_ambiguous_is_refused(client, lake, head, status):
    assert raw(client(), head, b"{}").startswith(f"HTTP/1.1 {status} ")
    assert lake.submitted == []


def test_a_body_that_ends_early_is_refused(client, lake):
    assert raw(client(), "Content-Length: 20", b'{"id": 1}', end=True).startswith("HTTP/1.1 400 ")
    assert lake.submitted == []


def test_a_slow_sender_is_given_up(client, lake):
    assert raw(client(timeout=0.3), "Content-Length: 20", b'{"id"').startswith("HTTP/1.1 408 ")
    assert lake.submitted == []


def test_who_waits_for_leave_to_send_gets_it_or_the_refusal(client, lake):
    pushing = client(max_body_bytes=100)
    assert "HTTP/1.1 100 Continue" in raw(pushing, "Expect: 100-continue\r\nContent-Length: 2", b"{}")
    refused = raw(pushing, "Expect: 100-continue\r\nContent-Length: 200", b"")
    assert "100 Continue" not in refused
    assert refused.startswith("HTTP/1.1 413 ")


def test_a_lake_that_is_behind_asks_the_sender_to_come_back(client, lake):
    pushing = client()
    for failure, after in ((Retry("behind", 6.2), "7"), (Retry("behind"), "30"), (LogTypeError("no such"), "30")):
        lake.failure = failure
        answer = pushing.post("", json={"id": 1})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, after)
    lake.failure = BadRecord("too large")
    assert pushing.post("", json={"id": 1}).status_code == 413
    lake.failure = RuntimeError("a bug")
    assert pushing.post("", json={"id": 1}).status_code == 500
    lake.failure = None
    assert pushing.post("", json={"id": 1}).status_code == 200


def test_other_paths_and_methods_are_told_so(client, lake):
    pushing = client()
    assert pushing.get("").status_code == 405
    assert pushing.post("more", json={}).status_code == 404
    assert httpx.get(pushing.base_url.join("/health")).json() == {"status": "ok"}
    assert httpx.post(pushing.base_url.join("/"), json={}).status_code == 404
    assert " 404 " in raw_target(pushing, "http://[")
    assert httpx.request("BREW", pushing.base_url.join("/")).json()["error"]


def test_many_senders_at_once_share_a_few_connections(client, lake):
    pushing = client(max_connections=3)
    statuses: list[int] = []

    def push(number: int) -> None:
        statuses.append(httpx.post(pushing.base_url, json={"id": number}, headers=pushing.headers).status_code)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert statuses == [200] * 12
    assert sorted(each["id"] for each in lake.events) == list(range(12))


def test_a_connection_is_given_up_where_others_wait(client, lake):
    assert "Connection" not in client().post("", json={"id": 1}).headers
    assert client(max_connections=1).post("", json={"id": 2}).headers["Connection"] == "close"


def test_garbage_instead_of_http_harms_nobody(client, lake):
    pushing = client()
    for garbage in (b"\0" * 70_000, b"GET\r\n\r\n", b"POST /v1/ingest/acme HTTP/9.9\r\n\r\n", b"\x16\x03\x01 hello"):
        with socket.create_connection((pushing.base_url.host, pushing.base_url.port), 10) as line:
            line.sendall(garbage)
            line.shutdown(socket.SHUT_WR)
            while line.recv(65_536):
                pass
    assert pushing.post("", json={"id": 1}).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"sources": {}},
        {"sources": {"acme": {"token": "short", "log_type": "generic.json"}}},
        {"sources": {"acme": {"token": [], "log_type": "generic.json"}}},
        {"sources": {"a/b": {"token": TOKEN, "log_type": "generic.json"}}},
        {"certificate": "cert.pem"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValidationError):
        config(**wrong)


def test_a_missing_decoder_is_found_before_anything_is_sent(lake):
    sources = {"acme": {"token": TOKEN, "log_type": "generic.json", "decoder": "core.no_such"}}
    with pytest.raises(PluginError, match=r"core\.no_such"):
        HTTPPush(config(sources=sources)).listen(lake.submit, threading.Event(), lake.decoder)


def test_tls_is_spoken_where_a_certificate_is_configured(listening, lake, tmp_path):
    certificate, key = make_certificate(tmp_path)
    port = listening(HTTPPush(config(certificate=certificate, key=key))).port
    with httpx.Client(verify=ssl.create_default_context(cafile=certificate), timeout=30) as trusting:
        answer = trusting.post(f"https://localhost:{port}/v1/ingest/acme", json={"id": 1}, headers={"X-API-Key": TOKEN})
    assert answer.status_code == 200
    with pytest.raises(httpx.TransportError):
        httpx.post(f"http://localhost:{port}/v1/ingest/acme", json={}, headers={"X-API-Key": TOKEN}, timeout=30)
    assert lake.events == [{"id": 1}]


def raw_target(client: httpx.Client, target: str) -> str:
    with socket.create_connection((client.base_url.host, client.base_url.port), 20) as line:
        line.sendall(f"GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        return line.recv(65_536).decode()


def raw(client: httpx.Client, head: str, body: bytes, *, end: bool = False) -> str:
    """What is answered to bytes on the wire."""
    url = client.base_url
    with socket.create_connection((url.host, url.port), 20) as line:
        start = (
            f"POST {url.path.rstrip('/')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n"
        )
        line.sendall(f"{start}{head}\r\n\r\n".encode() + body)
        if end:
            line.shutdown(socket.SHUT_WR)
        answer = b""
        while part := line.recv(65_536):
            answer += part
    return answer.decode()
