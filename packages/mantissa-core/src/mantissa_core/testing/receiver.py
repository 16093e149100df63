# ruff: noqa: D102  # a test's name is the promise that it checks
"""Conformance kit for receivers: subclass :class:`ReceiverContract` in a test module.

The author says how to build the receiver, and how a sender sends::

    class TestHook(ReceiverContract):
        secrets = ("s3cret-of-the-tests",)

        def receiver(self, port=0):
            return Hook(Hook.Config(port=port, token="s3cret-of-the-tests", max_body_bytes=1000))

        def send(self, port, events):
            return self.post(port, "/acme", events, {"Authorization": "Bearer s3cret-of-the-tests"})

        def send_forged(self, port, events):
            return self.post(port, "/acme", events, {"Authorization": "Bearer a-guess"})

        def send_oversized(self, port):
            return self.send(port, [{"id": "1", "text": "x" * 2000}])

The receiver has a ``port`` and an event ``listening`` that is set once it is open. A protocol that does not answer
sets ``answers`` to false, one without credentials ``authenticates``.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import pytest

from mantissa_core.errors import LakeError, NeedsOperator, Retry
from mantissa_core.hookspecs import PROJECT

from .conformance import proves
from .intake import Intake, listen, listening

__all__ = ["GARBAGE", "Intake", "ReceiverContract", "Said", "listening"]

LATER = 7.0
"""Seconds that the kit's lake asks for when it is behind."""
SOON = 10.0
"""Seconds within which a sender is answered, and a stop ends it."""
GARBAGE: tuple[bytes, ...] = (
    b"",
    b"\r\n\r\n",
    b"\0" * 70_000,
    b"\xff\xfe\x16\x03\x01" * 50,
    b"POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n{",
    b"POST / HTTP/1.1\r\n" + b"X: y\r\n" * 1_000 + b"\r\n",
    b"99999999999999999999 <34>1 - - - - - -",
    b"<" * 10_000 + b"\n",
)
"""What may come from a broken or hostile sender, whatever the protocol."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a sender learns: ``taken``, come back ``later`` (``after`` seconds), or neither: refused."""

    taken: bool = False
    later: bool = False
    after: float | None = None
    text: str = ""

    @classmethod
    def of(cls, response: httpx.Response) -> Said:
        """What an HTTP answer means to its sender."""
        later = response.status_code in (429, 503)
        after = response.headers.get("Retry-After") if later else None
        text = f"{response.status_code} {dict(response.headers)} {response.text}"
        return cls(response.is_success, later, None if after is None else float(after), text)


class ReceiverContract:
    """What every receiver must do. Override :meth:`receiver`, :meth:`send` and where needed the rest."""

    conforms_to: ClassVar[str] = "mantissa.receivers"
    """The entry-point group of what the kit proves."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """The credentials that :meth:`receiver` configures."""
    answers: ClassVar[bool] = True
    """Whether the protocol tells the sender what became of its events."""
    authenticates: ClassVar[bool] = True
    """Whether senders show a credential. Where they cannot, the docs say what protects the port instead."""
    reliable: ClassVar[bool] = True
    """Whether a sender can be made to wait or to send again: false for datagrams."""
    connects: ClassVar[bool] = True
    """Whether senders connect by TCP."""
    garbage: ClassVar[tuple[bytes, ...]] = GARBAGE

    # -- what the author says --------------------------------------------------------------------------------------

    def receiver(self, port: int = 0) -> Any:
        """Build the plugin. Called anew for each test; 0 takes a free port."""
        raise NotImplementedError("override 'receiver'")

    def send(self, port: int, events: Sequence[Mapping[str, Any]]) -> Said | None:
        """Send events as the real sender does; return what it learns, ``None`` where it learns nothing."""
        raise NotImplementedError("override 'send'")

    def send_forged(self, port: int, events: Sequence[Mapping[str, Any]]) -> Said | None:
        """Send them with a credential that is wrong."""
        raise NotImplementedError("override 'send_forged', or set authenticates = False")

    def send_oversized(self, port: int) -> Said | None:
        """Send more at once than the receiver takes; build it with a low limit."""
        raise NotImplementedError("override 'send_oversized'")

    def event(self, number: int) -> Mapping[str, Any]:
        """An event of the source."""
        return {"id": f"event-{number}"}

    def event_id(self, record: Any) -> str:
        """What identifies a submitted record."""
        return str(record["id"])

    def post(
        self, port: int, path: str, content: Any, headers: Mapping[str, str] | None = None, scheme: str = "http"
    ) -> Said:
        """Post bytes, or anything else as JSON, to the receiver on this machine."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        url = f"{scheme}://127.0.0.1:{port}{path}"
        with httpx.Client(trust_env=False, timeout=SOON) as client:
            return Said.of(client.post(url, content=body, headers=dict(headers or {})))

    # -- what is promised ------------------------------------------------------------------------------------------

    def _receiver(self, port: int = 0) -> Any:
        receiver = self.receiver(port) if port else self.receiver()
        proves(self, receiver)
        return receiver

    def test_the_hook_is_marked_with_hookimpl(self) -> None:
        assert hasattr(self._receiver().listen, f"{PROJECT}_impl"), "decorate 'listen' with @hookimpl"

    def test_what_was_answered_was_submitted(self) -> None:
        """Every event, once, under a log type."""
        intake = Intake()
        with listening(self._receiver(), intake) as receiver:
            for start in (0, 3):
                self._expect_taken(self.send(receiver.port, [self.event(start + each) for each in range(3)]))
                if self.answers:
                    assert len(intake.events) >= start + 3, "it was answered and not submitted"
            intake.wait_for(6)
        assert sorted(map(self.event_id, intake.events)) == [self._id(number) for number in range(6)]
        assert all(log_type for log_type, _ in intake.submitted)

    def test_the_answer_waits_until_the_events_are_durable(self) -> None:
        """An answer before it would be a promise that a crash breaks."""
        self._needs(self.answers, "the protocol has no answers")
        intake, said = Intake(), list[Any]()
        intake.gate.clear()
        with listening(self._receiver(), intake) as receiver:
            sender = threading.Thread(
                target=lambda: said.append(self.send(receiver.port, [self.event(1)])), daemon=True
            )
            sender.start()
            assert intake.waiting.wait(SOON), "nothing was submitted"
            sender.join(0.3)
            early = list(said)
            intake.gate.set()
            sender.join(SOON)
        assert not early, "it was answered while submit() had not returned"
        self._expect_taken(said[0])

    def test_a_lake_that_is_behind_loses_nothing(self) -> None:
        """``Retry`` is passed on, with its seconds, or what was sent waits and is submitted again."""
        self._needs(self.reliable, "datagrams are best effort")
        intake = Intake()
        intake.failure = Retry("the lake is behind", 0.2 if not self.answers else LATER)
        with listening(self._receiver(), intake) as receiver:
            said = self.send(receiver.port, [self.event(1)])
            assert intake.waiting.wait(SOON), "nothing was submitted"
            if said is not None:
                assert said.later, f"pass Retry on, such as 503 with Retry-After: {said.text}"
                assert said.after == pytest.approx(LATER, abs=1), "say after how many seconds"
            intake.failure = None
            if said is not None:
                self._expect_taken(self.send(receiver.port, [self.event(1)]))
            intake.wait_for(1)
        assert [self.event_id(each) for each in intake.events] == [self._id(1)]

    @pytest.mark.parametrize("failure", [LakeError("the disk is full"), RuntimeError("a bug")], ids=["lake", "bug"])
    def test_what_could_not_be_stored_is_not_answered_as_if_it_was(self, failure: Exception) -> None:
        """The sender must keep it; the receiver goes on."""
        self._needs(self.answers, "the protocol has no answers")
        intake = Intake()
        intake.failure = failure
        with listening(self._receiver(), intake) as receiver:
            said = None
            with suppress(httpx.TransportError, OSError):  # a closed connection is no answer either
                said = self.send(receiver.port, [self.event(1)])
            assert said is None or not said.taken, f"it was answered as taken: {said}"
            intake.failure = None
            self._expect_taken(self.send(receiver.port, [self.event(1)]))

    def test_a_wrong_credential_is_refused_and_submits_nothing(self) -> None:
        self._needs(self.authenticates, "senders show no credential")
        intake = Intake()
        with listening(self._receiver(), intake) as receiver:
            said = self.send_forged(receiver.port, [self.event(1)])
            assert said is None or not (said.taken or said.later), f"it was let in: {said}"
            self._expect_taken(self.send(receiver.port, [self.event(2)]))
            intake.wait_for(1)
        assert [self.event_id(each) for each in intake.events] == [self._id(2)]

    def test_what_is_too_large_is_refused_and_the_next_is_taken(self) -> None:
        intake = Intake()
        with listening(self._receiver(), intake) as receiver:
            said = self.send_oversized(receiver.port)
            assert said is None or not (said.taken or said.later), f"it was taken: {said}"
            self._expect_taken(self.send(receiver.port, [self.event(2)]))
            intake.wait_for(1)
        assert [self._id(2)] == [self.event_id(each) for each in intake.events], "the oversized one was submitted"

    def test_garbage_harms_nobody(self) -> None:
        """A broken sender costs neither the receiver nor the others anything."""
        intake = Intake()
        with listening(self._receiver(), intake) as receiver:
            for garbage in self.garbage:
                self._throw(receiver.port, garbage)
            self._expect_taken(self.send(receiver.port, [self.event(1)]))
            intake.wait_for(1, self._is_the_first)

    def test_senders_do_not_wait_for_one_another(self) -> None:
        """One that sends nothing holds up nobody."""
        intake = Intake()
        with listening(self._receiver(), intake) as receiver:
            silent = self._connected(receiver.port)
            try:
                self._expect_taken(self.send(receiver.port, [self.event(1)]))
                intake.wait_for(1)
            finally:
                silent.close()

    def test_stop_ends_it_within_seconds(self) -> None:
        """Also while a sender is connected, or in the middle of something."""
        intake, stop = Intake(), threading.Event()
        with listening(self._receiver(), intake, stop) as receiver:
            silent, halfway = self._connected(receiver.port), self._connected(receiver.port)
            halfway.sendall(b"POST / HT")
            self._expect_taken(self.send(receiver.port, [self.event(1)]))
            intake.wait_for(1, self._is_the_first)
            begun = time.monotonic()
            stop.set()
        took = time.monotonic() - begun
        silent.close()
        halfway.close()
        assert took < SOON, f"it took {took:.0f} s"

    def test_it_listens_again_after_a_stop(self) -> None:
        """The port is free again, and nothing of the first time is in the way."""
        receiver, intake = self._receiver(), Intake()
        for number in range(2):
            with listening(receiver, intake):
                self._expect_taken(self.send(receiver.port, [self.event(number)]))
                intake.wait_for(number + 1)

    def test_a_port_that_is_taken_needs_the_operator(self) -> None:
        kind = socket.SOCK_STREAM if self.connects else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as taken:
            taken.bind(("127.0.0.1", 0))
            if self.connects:
                taken.listen()
            receiver = self._receiver(taken.getsockname()[1])
            stop = threading.Event()
            stop.set()
            with pytest.raises(NeedsOperator) as caught:
                listen(receiver, Intake(), stop)
            assert str(taken.getsockname()[1]) in str(caught.value), "name the port"
            if check := getattr(receiver, "check", None):
                check()  # it may be taken by this very receiver

    def test_secrets_stay_out_of_sight(
        self, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level(logging.DEBUG)
        intake, receiver = Intake(), self._receiver()
        shown = [repr(receiver), repr(vars(receiver))]
        # Where nobody is answered, a bug of the lake ends the receiver, if the message was looked at before the next.
        passed_on = () if self.answers else (RuntimeError,)
        with suppress(*passed_on), listening(receiver, intake):
            shown.append(repr(self.send(receiver.port, [self.event(1)])))
            if self.authenticates:
                shown.append(repr(self.send_forged(receiver.port, [self.event(1)])))
            for failure in (Retry("behind", 0.1), RuntimeError("a bug")):
                intake.failure = failure
                with suppress(httpx.TransportError, OSError):
                    shown.append(repr(self.send(receiver.port, [self.event(1)])))
            intake.failure = None
        printed = capsys.readouterr()
        text = "\n".join([*shown, caplog.text, printed.out, printed.err])
        assert not [secret for secret in self.secrets if secret in text], "a secret is in an answer, a log or a repr"

    # -- how ---------------------------------------------------------------------------------------------------------

    def _expect_taken(self, said: Said | None) -> None:
        if self.answers:
            assert said is not None, "send() returns what the sender learns"
            assert said.taken, f"it was not taken: {said.text}"

    def _id(self, number: int) -> str:
        return self.event_id(self.event(number))

    def _is_the_first(self, record: Any) -> bool:
        try:
            return self.event_id(record) == self._id(1)
        except (KeyError, TypeError, ValueError):
            return False

    def _connected(self, port: int) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.connects else socket.SOCK_DGRAM)
        opened.settimeout(SOON)
        opened.connect(("127.0.0.1", port))
        return opened

    def _throw(self, port: int, garbage: bytes) -> None:
        with self._connected(port) as line, suppress(OSError):
            if self.connects:
                line.sendall(garbage)
                line.shutdown(socket.SHUT_WR)
                while line.recv(65_536):
                    pass
            else:
                line.send(garbage[:60_000])

    def _needs(self, capability: bool, why: str) -> None:
        if not capability:
            pytest.skip(why)
