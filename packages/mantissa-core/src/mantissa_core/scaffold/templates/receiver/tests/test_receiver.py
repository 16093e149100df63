from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
from mantissa_core.errors import LogTypeError, NeedsOperator, Retry
from mantissa_core.hookspecs import Receiver
from mantissa_core.model import Records

from mantissa_acme.receiver import Gadget, sign

SECRET = "s3cret-of-the-tests"


class Lake:
    """What the runtime is to a receiver: it stores, or raises ``failure``."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, Records]] = []
        self.failure: Exception | None = None

    def submit(self, log_type: str, records: Records) -> None:
        if self.failure is not None:
            raise self.failure
        self.stored.append((log_type, records))


@contextmanager
def listening(lake: Lake, **settings: Any) -> Iterator[str]:
    """A receiver that listens in a thread; gives its address."""
    config = Gadget.Config.model_validate({"secret": SECRET, "port": 0, **settings})
    receiver, stop = Gadget(config), threading.Event()
    thread = threading.Thread(target=receiver.listen, args=(lake.submit, stop))
    thread.start()
    try:
        assert receiver.listening.wait(10)
        yield f"http://127.0.0.1:{receiver.port}"
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive(), "listen() does not end after stop"


@pytest.fixture
def lake() -> Lake:
    return Lake()


@pytest.fixture
def url(lake: Lake) -> Iterator[str]:
    with listening(lake) as address:
        yield address


def post(url: str, body: Any, *, secret: str = SECRET) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(url, content=content, headers={"X-Acme-Signature": sign(secret, content)}, timeout=30)


def test_what_was_answered_with_200_was_stored(lake: Lake, url: str) -> None:
    assert post(url, [{"id": "1"}, {"id": "2"}]).status_code == 200
    assert post(url, {"id": "3"}).status_code == 200
    assert lake.stored == [("generic.json", [{"id": "1"}, {"id": "2"}]), ("generic.json", [{"id": "3"}])]


def test_a_lake_that_is_behind_asks_the_sender_to_come_back(lake: Lake, url: str) -> None:
    lake.failure = Retry("behind", after=6.2)
    answer = post(url, {"id": "1"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    lake.failure = None
    assert post(url, {"id": "1"}).status_code == 200


def test_what_could_not_be_stored_is_sent_again(lake: Lake, url: str) -> None:
    lake.failure = LogTypeError("there is no log type 'generic.json'")
    assert post(url, {"id": "1"}).status_code == 503


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"text"', b"\xff", b"[" * 100_000])
def test_what_is_no_event_is_refused(lake: Lake, url: str, body: bytes) -> None:
    assert post(url, body).status_code == 400
    assert lake.stored == []


def test_an_unsigned_body_is_refused(lake: Lake, url: str) -> None:
    assert post(url, {"id": "1"}, secret="a guess").status_code == 401
    for headers in ([], [(b"X-Acme-Signature", "ä".encode())]):
        assert httpx.post(url, json={"id": "1"}, headers=headers, timeout=30).status_code == 401
    assert lake.stored == []


def test_a_large_body_is_refused_unread(lake: Lake) -> None:
    with listening(lake, max_bytes=100) as url:
        assert post(url, {"text": "x" * 100}).status_code == 413
        assert post(url, {"text": "x" * 10}).status_code == 200


def test_a_body_of_unknown_length_is_refused(lake: Lake, url: str) -> None:
    with closing(HTTPConnection(httpx.URL(url).netloc.decode(), timeout=30)) as connection:
        connection.putrequest("POST", "/")
        connection.endheaders()
        assert connection.getresponse().status == 411


def test_a_port_that_is_taken_needs_the_operator(lake: Lake, url: str) -> None:
    config = Gadget.Config.model_validate({"secret": SECRET, "port": httpx.URL(url).port})
    with pytest.raises(NeedsOperator, match="cannot listen"):
        Gadget(config).listen(lake.submit, threading.Event())
    Gadget(config).check()


def test_an_address_of_another_machine_is_found_by_check() -> None:
    config = Gadget.Config.model_validate({"secret": SECRET, "host": "192.0.2.1", "port": 0})
    with pytest.raises(NeedsOperator, match=r"192\.0\.2\.1"):
        Gadget(config).check()


def test_it_starts_as_the_runtime_starts_it(start_plugin: Callable[..., Any], lake: Lake) -> None:
    given = {"secret": "secret://token", "port": 0}
    receiver = start_plugin(Receiver, "acme.gadget", given, token=SECRET)
    stop = threading.Event()
    stop.set()
    receiver.listen(lake.submit, stop)


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(NeedsOperator, match="secret"):
        Gadget(Gadget.Config.model_validate({"secret": ""}))
