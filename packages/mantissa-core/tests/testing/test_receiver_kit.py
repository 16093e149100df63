"""The receiver kit, proven on the built-in HTTP receiver and on variants that are wrong in one way each."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.log import get_logger
from mantissa_core.model import Pushed
from mantissa_core.push import PushConfig, PushReceiver, Refused, Request, require_token
from mantissa_core.push.http import HTTPPush
from mantissa_core.testing import receiver as kit
from mantissa_core.testing.receiver import ReceiverContract, Said
from pydantic import SecretStr

SECRET = "t0ken-of-the-tests-0123456789"


class TestHTTPPush(ReceiverContract):
    secrets = (SECRET,)

    def receiver(self, port: int = 0) -> Any:
        sources = {"acme": {"token": SECRET, "log_type": "generic.json"}}
        return HTTPPush(HTTPPush.Config.model_validate({"port": port, "sources": sources, "max_body_bytes": 1_000}))

    def send(self, port: int, events: Any) -> Said:
        return self.post(port, "/v1/ingest/acme", events, {"Authorization": f"Bearer {SECRET}"})

    def send_forged(self, port: int, events: Any) -> Said:
        return self.post(port, "/v1/ingest/acme", events, {"Authorization": "Bearer a-guess"})

    def send_oversized(self, port: int) -> Said:
        return self.send(port, [{"id": "1", "text": "x" * 2_000}])


class Plain(PushReceiver):
    """A receiver as a plugin writes it; each wrong one differs in one thing."""

    class Config(PushConfig):
        token: SecretStr = SecretStr(SECRET)
        max_body_bytes: int = 1_000

    config: Config

    def admit(self, request: Request) -> None:
        require_token(request, [self.config.token])

    def records(self, request: Request) -> Mapping[str, Pushed]:
        return {"generic.json": request.json()}


class WithoutAHook(Plain):
    def listen(self, submit, stop, decoder):
        super().listen(submit, stop, decoder)


class DropsTheLast(Plain):
    def records(self, request):
        return {"generic.json": request.json()[:-1] or request.json()}


class AnswersFirst(Plain):
    @hookimpl
    def listen(self, submit, stop, decoder):
        def later(log_type, records):
            threading.Thread(target=submit, args=(log_type, records), daemon=True).start()

        super().listen(later, stop, decoder)


class TakesRetryForARefusal(Plain):
    @hookimpl
    def listen(self, submit, stop, decoder):
        def refusing(log_type, records):
            try:
                submit(log_type, records)
            except Retry as error:
                raise Refused(400, "no") from error

        super().listen(refusing, stop, decoder)


class SwallowsErrors(Plain):
    @hookimpl
    def listen(self, submit, stop, decoder):
        def forgiving(log_type, records):
            try:
                submit(log_type, records)
            except Retry:
                raise
            except Exception:
                get_logger("test").error("lost")

        super().listen(forgiving, stop, decoder)


class LetsEverybodyIn(Plain):
    def admit(self, request):
        pass


class TakesAnything(Plain):
    class Config(Plain.Config):
        max_body_bytes: int = 1 << 20


class DiesOfGarbage(Plain):
    @hookimpl
    def listen(self, submit, stop, decoder):
        self._ended = threading.Event()
        super().listen(submit, _Either(stop, self._ended), decoder)

    def _serve(self, connection):
        connection.within(5)
        if (first := connection.read(1)) != b"P":
            self._ended.set()
        super()._serve(_Rewound(connection, first or b""))


class _Either:
    def __init__(self, *events):
        self._events = events

    def is_set(self):
        return any(each.is_set() for each in self._events)


class _Rewound:
    """A connection whose first byte was put back."""

    def __init__(self, connection, first):
        self._connection, self._first = connection, first

    def readinto(self, buffer):
        if self._first:
            buffer[:1], self._first = self._first, b""
            return 1
        return self._connection.readinto(buffer)

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)


class OneAfterTheOther(Plain):
    class Config(Plain.Config):
        max_connections: int = 1


class EndsSlowly(Plain):
    @hookimpl
    def listen(self, submit, stop, decoder):
        super().listen(submit, stop, decoder)
        time.sleep(4)


class OnlyOnce(Plain):
    @hookimpl
    def listen(self, submit, stop, decoder):
        if hasattr(self, "_submit"):
            raise RuntimeError("it has listened before")
        super().listen(submit, stop, decoder)


class TakesAPortForABug(Plain):
    @hookimpl
    def listen(self, submit, stop, decoder):
        try:
            super().listen(submit, stop, decoder)
        except NeedsOperator as error:
            raise RuntimeError(str(error)) from error


class RepeatsTheHead(Plain):
    def admit(self, request):
        try:
            super().admit(request)
        except Refused as error:
            raise Refused(401, f"expected {self.config.token.get_secret_value()}") from error


LAKE = {"failure": RuntimeError("a bug")}
WRONG: list[tuple[str, type[Plain], Mapping[str, Any]]] = [
    ("test_the_hook_is_marked_with_hookimpl", WithoutAHook, {}),
    ("test_what_was_answered_was_submitted", DropsTheLast, {}),
    ("test_the_answer_waits_until_the_events_are_durable", AnswersFirst, {}),
    ("test_a_lake_that_is_behind_loses_nothing", TakesRetryForARefusal, {}),
    ("test_what_could_not_be_stored_is_not_answered_as_if_it_was", SwallowsErrors, LAKE),
    ("test_a_wrong_credential_is_refused_and_submits_nothing", LetsEverybodyIn, {}),
    ("test_what_is_too_large_is_refused_and_the_next_is_taken", TakesAnything, {}),
    ("test_garbage_harms_nobody", DiesOfGarbage, {}),
    ("test_senders_do_not_wait_for_one_another", OneAfterTheOther, {}),
    ("test_stop_ends_it_within_seconds", EndsSlowly, {}),
    ("test_it_listens_again_after_a_stop", OnlyOnce, {}),
    ("test_a_port_that_is_taken_needs_the_operator", TakesAPortForABug, {}),
    ("test_secrets_stay_out_of_sight", RepeatsTheHead, {}),
]


def contract_for(kind: type[Plain]) -> ReceiverContract:
    class Contract(ReceiverContract):
        secrets = (SECRET,)

        def receiver(self, port: int = 0) -> Any:
            return kind(kind.Config(port=port))

        def send(self, port: int, events: Any) -> Said:
            return self.post(port, "/", events, {"Authorization": f"Bearer {SECRET}"})

        def send_forged(self, port: int, events: Any) -> Said:
            return self.post(port, "/", events, {"Authorization": "Bearer a-guess"})

        def send_oversized(self, port: int) -> Said:
            return self.send(port, [{"id": "1", "text": "x" * 2_000}])

    return Contract()


@pytest.mark.parametrize(("test", "wrong", "arguments"), WRONG, ids=[wrong.__name__ for _, wrong, _ in WRONG])
def test_a_wrong_receiver_fails(
    test: str, wrong: type[Plain], arguments: Mapping[str, Any], caplog: Any, capsys: Any, monkeypatch: Any
) -> None:
    more = {**arguments, **({"caplog": caplog, "capsys": capsys} if "secrets" in test else {})}
    getattr(contract_for(Plain), test)(**more)
    monkeypatch.setattr(kit, "SOON", 3.0)  # the right one had more
    with pytest.raises((AssertionError, RuntimeError, OSError, httpx.TransportError)):
        getattr(contract_for(wrong), test)(**more)


def test_every_test_of_the_kit_is_proven_by_a_wrong_receiver() -> None:
    assert {name for name, _ in inspect.getmembers(ReceiverContract) if name.startswith("test_")} == {
        test for test, _, _ in WRONG
    }
