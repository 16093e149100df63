"""core.syslog: what arrives by UDP, TCP and TLS."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from mantissa_core.errors import NeedsOperator
from mantissa_core.push.datagrams import Datagrams
from mantissa_core.push.syslog import SyslogReceiver
from mantissa_core.testing.certificates import make_certificate
from mantissa_core.testing.intake import Intake, listening
from mantissa_core.testing.receiver import ReceiverContract
from pydantic import ValidationError
from structlog.testing import capture_logs

LIMIT = 1_000


def receiver(**settings: Any) -> SyslogReceiver:
    given = {"port": 0, "tls_port": 0, "max_message_bytes": LIMIT, **settings}
    return SyslogReceiver(SyslogReceiver.Config.model_validate(given))


class SyslogContract(ReceiverContract):
    answers = False
    authenticates = False

    def event(self, number: int) -> Mapping[str, Any]:
        return {"message": f"event-{number}"}

    def event_id(self, record: Any) -> str:
        return str(record["message"])

    def send_oversized(self, port: int) -> None:
        self.send(port, [{"message": "x" * (LIMIT + 1)}])


def line(event: Mapping[str, Any]) -> bytes:
    return b"<34>1 2026-03-04T09:15:02Z web-1 app - - - " + event["message"].encode()


class TestTCP(SyslogContract):
    def receiver(self, port: int = 0) -> SyslogReceiver:
        return receiver(port=port, protocols=["tcp"])

    def send(self, port: int, events: Sequence[Mapping[str, Any]]) -> None:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(b"".join(line(event) + b"\n" for event in events))


class TestUDP(SyslogContract):
    reliable = False
    connects = False

    def receiver(self, port: int = 0) -> SyslogReceiver:
        return receiver(port=port, protocols=["udp"])

    def send(self, port: int, events: Sequence[Mapping[str, Any]]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
            for event in events:
                opened.sendto(line(event), ("127.0.0.1", port))


def tcp(port: int, content: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(content)


def udp(port: int, *contents: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        for content in contents:
            opened.sendto(content, ("127.0.0.1", port))


@pytest.fixture
def intake() -> Intake:
    return Intake()


def test_udp_and_tcp_share_a_port(intake):
    with listening(receiver(), intake) as heard:
        udp(heard.port, b"<34>app: by udp\n")
        tcp(heard.port, b"<34>app: by tcp\n16 <34>app: counted\n")
        found = intake.wait_for(3)
    assert {each["message"] for each in found} == {"by udp", "by tcp", "counted"}
    assert {each["sender"] for each in found} == {"127.0.0.1"}
    assert all(each["received"] for each in found)


def test_a_last_message_without_an_end_is_taken(intake):
    with listening(receiver(), intake) as heard:
        tcp(heard.port, b"<34>app: no line feed")
        assert intake.wait_for(1)[0]["message"] == "no line feed"


def test_what_is_too_long_becomes_a_dead_letter_and_its_neighbours_are_kept(intake):
    with listening(receiver(), intake) as heard:
        tcp(heard.port, b"<34>app: one\n" + b"x" * 300_000 + b"\n<34>app: two\n")
        udp(heard.port, b"y" * 5_000)
        intake.wait_for(2)
    assert [each["message"] for each in intake.events] == ["one", "two"]
    assert sorted(each.size for each in intake.rejected) == [5_000, 300_000]


def test_messages_are_routed_by_text_and_by_program(intake):
    routes = [
        {"contains": "CEF:", "log_type": "core.cef", "form": "cef"},
        {"app_name": ["%ASA-*"], "log_type": "acme.asa"},
        {"app_name": ["gateway"], "contains": "{", "log_type": "acme.gateway", "form": "json"},
    ]
    with listening(receiver(routes=routes, protocols=["tcp"]), intake) as heard:
        tcp(
            heard.port,
            b"<34>Mar  4 09:15:02 fw CEF:0|a|b|c|d|e|f|src=192.0.2.1\n"
            b"<34>%ASA-6-1: built\n"
            b'<34>Mar  4 09:15:02 gw gateway: {"user": "amara"}\n'
            b"<34>app: CEF: is a format\n"
            b"<34>Mar  4 09:15:02 gw gateway: started\n",
        )
        intake.wait_for(4)
    found = dict(intake.submitted)
    assert json.loads(found["core.cef"][0])["extension"] == {"src": "192.0.2.1"}
    assert found["core.cef"][1].reason == "no cef event"
    assert json.loads(found["acme.asa"][0])["app_name"] == "%ASA-6-1"
    assert found["acme.gateway"] == ['{"user": "amara"}']
    assert json.loads(found["core.syslog"][0])["message"] == "started"


def test_only_those_may_send_who_are_on_the_list(intake):
    with listening(receiver(allow=["192.0.2.0/24"]), intake) as refusing:
        udp(refusing.port, b"<34>app: not by udp")
        with socket.create_connection(("127.0.0.1", refusing.port), 10) as connection:
            assert connection.recv(1) == b""
    with listening(receiver(allow=["192.0.2.0/24", "127.0.0.0/8"]), intake) as heard:
        udp(heard.port, b"<34>app: by udp")
        tcp(heard.port, b"<34>app: by tcp\n")
        assert {each["message"] for each in intake.wait_for(2)} == {"by udp", "by tcp"}


def test_a_part_that_fails_is_told_and_ends_the_others(intake, monkeypatch):
    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(Datagrams, "_batch", broken)
    heard = receiver()
    with pytest.raises(RuntimeError, match="a bug"):
        heard.listen(intake.submit, threading.Event())
    monkeypatch.undo()
    with listening(heard, intake):
        udp(heard.port, b"<34>app: again")
        intake.wait_for(1)


def test_a_bug_costs_one_connection(intake):
    intake.failure = RuntimeError("a bug")
    with listening(receiver(protocols=["tcp"]), intake) as heard:
        tcp(heard.port, b"<34>app: lost\n")
        assert intake.waiting.wait(20)
        intake.failure = None
        tcp(heard.port, b"<34>app: next\n")
        intake.wait_for(1)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not count them")
def test_what_the_system_drops_is_counted(intake):
    heard = receiver(protocols=["udp"], receive_buffer_bytes=4_096)
    intake.gate.clear()
    with capture_logs() as said, listening(heard, intake):
        udp(heard.port, b"<34>app: first")
        assert intake.waiting.wait(20)
        udp(heard.port, *[b"<34>app: " + b"x" * 500] * 200)
        intake.gate.set()
        intake.wait_for(2)
        udp(heard.port, b"<34>app: last")
        intake.wait_for(1, lambda event: event["message"] == "last")
    assert len(intake.events) < 202
    assert sum(line["count"] for line in said if line["event"] == "datagrams dropped") == 202 - len(intake.events)


def test_a_socket_for_both_versions_of_ip_shows_plain_addresses(intake):
    try:
        heard = receiver(host="::", allow=["127.0.0.0/8"])
        heard.check()
    except NeedsOperator:
        pytest.skip("this machine has no IPv6")
    with listening(heard, intake):
        udp(heard.port, b"<34>app: by udp")
        tcp(heard.port, b"<34>app: by tcp\n")
        assert {each["sender"] for each in intake.wait_for(2)} == {"127.0.0.1"}


def test_tls_is_spoken_and_a_certificate_can_be_asked_for(intake, tmp_path):
    certificate, key = make_certificate(tmp_path)
    settings = {"protocols": ["tls"], "certificate": certificate, "key": key}
    trust = ssl.create_default_context(cafile=certificate)
    with listening(receiver(**settings), intake) as heard:
        tls(heard.tls_port, trust, b"14 <34>app: hello<34>app: again\n")
        assert {each["message"] for each in intake.wait_for(2)} == {"hello", "again"}
        tcp(heard.tls_port, b"<34>app: in the clear\n")
    with listening(receiver(**settings, client_ca=certificate), intake) as strict:
        with suppress(OSError):  # TLS 1.3 refuses when the sender may have gone on already
            tls(strict.tls_port, trust, b"<34>app: unknown\n")
        trust.load_cert_chain(certificate, key)
        tls(strict.tls_port, trust, b"<34>app: known\n")
        intake.wait_for(3)
    assert {each["message"] for each in intake.events} == {"hello", "again", "known"}


def tls(port: int, context: ssl.SSLContext, content: bytes) -> None:
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(content)
        connection.unwrap().close()  # waits for the other side to end as well


@pytest.mark.parametrize(
    "wrong",
    [
        {"protocols": []},
        {"protocols": ["tls"]},
        {"protocols": ["quic"]},
        {"allow": ["everybody"]},
        {"routes": [{"log_type": "core.cef"}]},
        {"timezone": "Atlantis/Capital"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValidationError):
        receiver(**wrong)


def test_a_certificate_that_cannot_be_read_needs_the_operator(tmp_path):
    broken = receiver(protocols=["tls"], certificate=tmp_path / "no.pem", key=tmp_path / "no.key")
    with pytest.raises(NeedsOperator, match=r"no\.pem"):
        broken.check()
