from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import Receiver
from mantissa_core.testing.receiver import Intake, ReceiverContract, Said, listening

from mantissa_acme.receiver import SIGNATURE, Gadget

SECRET = "s3cret-of-the-tests"


def gadget(**settings: Any) -> Gadget:
    given = {"secret": SECRET, "port": 0, "max_body_bytes": 1_000, **settings}
    return Gadget(Gadget.Config.model_validate(given))


def signature(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {SIGNATURE: "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


class TestGadget(ReceiverContract):
    secrets = (SECRET,)

    def receiver(self, port: int = 0) -> Gadget:
        return gadget(port=port)

    def send(self, port: int, events: Sequence[Mapping[str, Any]]) -> Said:
        body = json.dumps(events).encode()
        return self.post(port, "/", body, signature(body))

    def send_forged(self, port: int, events: Sequence[Mapping[str, Any]]) -> Said:
        body = json.dumps(events).encode()
        return self.post(port, "/", body, signature(body, "a guess"))

    def send_oversized(self, port: int) -> Said:
        return self.send(port, [{"id": "1", "text": "x" * 2_000}])

    def test_a_single_event_is_taken(self) -> None:
        intake = Intake()
        with listening(gadget(), intake) as receiver:
            body = b'{"id": "1"}'
            assert self.post(receiver.port, "/", body, signature(body)).taken
        assert intake.submitted == [("generic.json", [{"id": "1"}])]

    @pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"text"', b"\xff", b"[" * 100_000])
    def test_what_is_no_event_is_refused(self, body: bytes) -> None:
        intake = Intake()
        with listening(gadget(max_body_bytes=200_000), intake) as receiver:
            assert self.post(receiver.port, "/", body, signature(body)).text.startswith("400")
        assert intake.submitted == []

    def test_an_unsigned_body_is_refused(self) -> None:
        intake = Intake()
        with listening(gadget(), intake) as receiver:
            assert self.post(receiver.port, "/", b"{}").text.startswith("401")
        assert intake.submitted == []


def test_an_address_of_another_machine_is_found_by_check() -> None:
    with pytest.raises(NeedsOperator, match=r"192\.0\.2\.1"):
        gadget(host="192.0.2.1").check()


def test_it_starts_as_the_runtime_starts_it(start_plugin: Callable[..., Any]) -> None:
    given = {"secret": "secret://token", "port": 0}
    receiver = start_plugin(Receiver, "acme.gadget", given, token=SECRET)
    stop, intake = threading.Event(), Intake()
    stop.set()
    receiver.listen(intake.submit, stop, intake.decoder)


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(NeedsOperator, match="secret"):
        gadget(secret="")
