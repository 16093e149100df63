from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fake_docker import FakeDocker
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Event
from mantissa_docker.collector import EngineEvents
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))


def collector(docker: FakeDocker, **settings: Any) -> EngineEvents:
    return EngineEvents(EngineEvents.Config.model_validate({"host": docker.host, "timeout": 5, **settings}))


def read(subject: EngineEvents, state: dict[str, Any] | None = None, window: Window = WINDOW) -> list[Page]:
    return list(subject.read(subject.streams()[0], window, state or {}))


def ids(pages: Sequence[Page]) -> list[str]:
    return [record["Actor"]["ID"] for page in pages for record in page.records]  # type: ignore[index, call-overload]


def events(count: int) -> list[Event]:
    return [Event(f"e{number}", START + timedelta(seconds=number)) for number in range(count)]


def test_the_engine_is_asked_from_the_windows_start_to_its_own_present(docker: FakeDocker) -> None:
    docker.put([*events(2), Event("end", WINDOW.end)])
    [page] = read(collector(docker))
    assert ids([page]) == ["e0", "e1"]
    assert page.complete_until == WINDOW.end
    [version, request] = docker.requests
    assert version.path == "/version"
    assert request.query["since"] == "1741078800.000000000"
    now = datetime.now(UTC).timestamp()
    assert now - 60 < float(request.query["until"]) <= now


def test_a_microsecond_is_not_lost_on_the_way(docker: FakeDocker) -> None:
    at = START + timedelta(microseconds=123_457)
    docker.put([Event("at", at)])
    assert ids(read(collector(docker), window=Window(at, WINDOW.end))) == ["at"]
    assert docker.requests[-1].query["since"] == "1741078800.123457000"


def test_what_the_engine_forgot_since_the_last_reading_becomes_a_dead_letter(docker: FakeDocker) -> None:
    docker.kept = 5
    docker.put(events(9))
    [page] = read(collector(docker, kept=5), {"until": START.isoformat()})
    assert ids([page]) == ["e4", "e5", "e6", "e7", "e8"]
    [letter] = page.rejected
    assert "2025-03-04T09:00:00+00:00 to 2025-03-04T09:00:04+00:00" in letter.reason


@pytest.mark.parametrize(
    ("kept", "state"),
    [
        (5, {}),  # nothing was read before: what the engine had forgotten by then is history
        (5, {"until": (START + timedelta(seconds=4)).isoformat()}),  # nothing is between
        (6, {"until": START.isoformat()}),  # the engine keeps more than it gave
    ],
)
def test_nothing_is_said_to_be_forgotten_that_was_not(docker: FakeDocker, kept: int, state: dict[str, Any]) -> None:
    docker.kept = 5
    docker.put(events(9))
    [page] = read(collector(docker, kept=kept), state)
    assert page.rejected == []


def test_a_window_ends_at_the_engines_present_where_its_clock_is_behind(docker: FakeDocker) -> None:
    docker.behind = 3600
    now = datetime.now(UTC)
    [page] = read(collector(docker), window=Window(now - timedelta(hours=2), now))
    assert page.complete_until is not None
    assert now - timedelta(seconds=3602) <= page.complete_until <= now - timedelta(seconds=3500)
    with pytest.raises(Retry, match="clock"):
        read(collector(docker), window=Window(now - timedelta(minutes=10), now))


def test_a_line_that_is_no_event_becomes_a_dead_letter_and_its_neighbours_are_kept(docker: FakeDocker) -> None:
    docker.put(events(2))
    docker.lines_before = [b'{"Type": "container", "Act', b"[1]", b"\xff"]
    [page] = read(collector(docker))
    assert ids([page]) == ["e0", "e1"]
    assert [letter.raw for letter in page.rejected] == docker.lines_before


@pytest.mark.parametrize("strange", [{"Type": 7, "timeNano": "soon"}, {"Action": "x", "timeNano": 10**400}])
def test_an_event_with_a_time_that_cannot_be_read_is_kept(docker: FakeDocker, strange: dict[str, Any]) -> None:
    docker.put(events(1))
    docker.lines_before = [json.dumps(strange).encode()]
    [page] = read(collector(docker))
    assert next(iter(page.records)) == strange
    assert len(page.records) == 2


@pytest.mark.parametrize("body", [b'{"message":"engine is stopping"}\n', b"<html></html>\n", b'{"Type":"contai '])
def test_an_answer_that_holds_no_events_is_tried_again(docker: FakeDocker, body: bytes) -> None:
    docker.lines_before = [body[:-1]]
    docker.broken_off = not body.endswith(b"\n")
    with pytest.raises(Retry):
        read(collector(docker))


def test_something_else_than_an_engine_needs_the_operator(docker: FakeDocker) -> None:
    docker.version = "../../v1"
    with pytest.raises(NeedsOperator, match="no Docker engine"):
        collector(docker).check()


def test_a_socket_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    subject = EngineEvents(EngineEvents.Config.model_validate({"host": f"unix://{tmp_path}/none.sock"}))
    with pytest.raises(Retry, match="cannot be reached"):
        subject.check()


def test_a_socket_that_may_not_be_opened_needs_the_operator(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mantissa_docker.engine.os.access", lambda *_: False)  # the tests may run as root
    with pytest.raises(NeedsOperator, match="group that owns the socket"):
        collector(docker).check()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host": "unix://docker.sock"}, "unix:///"),
        ({"host": "http://127.0.0.1:2375"}, "unix:///"),
        ({"host": "tcp://engine.example.com"}, "tcp://host:2376"),
        ({"host": "tcp://user:pw@engine.example.com:2376"}, "without credentials"),
        ({"host": "tcp://engine.example.com:2375"}, "certificate only"),
    ],
)
def test_an_address_that_cannot_be_or_is_not_safe_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        EngineEvents.Config.model_validate(settings)


def test_tcp_is_spoken_with_a_client_certificate(tmp_path: Path, docker: FakeDocker) -> None:
    certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with FakeDocker(tls=context) as engine:
        engine.put(events(2))
        subject = collector(engine, cert_path=str(tmp_path))
        subject.check()
        assert ids(read(subject)) == ["e0", "e1"]


def test_a_folder_without_certificates_needs_the_operator(tmp_path: Path) -> None:
    config = EngineEvents.Config.model_validate({"host": "tcp://engine.example.com:2376", "cert_path": str(tmp_path)})
    with pytest.raises(NeedsOperator, match=r"ca\.pem"):
        EngineEvents(config)


def test_the_installed_plugin_reads_through_the_host(
    docker: FakeDocker, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    docker.put(events(2))
    monkeypatch.setenv("DOCKER_HOST", docker.host)
    subject = start_plugin(Collector, "docker.events", {})
    assert ids(list(subject.read(subject.streams()[0], WINDOW, {}))) == ["e0", "e1"]


def certificates(folder: Path) -> None:
    """An authority, and a certificate of 127.0.0.1 that both sides show."""
    authority, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer, subject = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Example CA", "engine"))
    now = datetime.now(UTC)

    def certificate(name: x509.Name, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType) -> bytes:
        builder = x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    folder.joinpath("ca.pem").write_bytes(certificate(issuer, authority, x509.BasicConstraints(ca=True, path_length=0)))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    folder.joinpath("cert.pem").write_bytes(certificate(subject, leaf, address))
    key = leaf.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder.joinpath("key.pem").write_bytes(key)
