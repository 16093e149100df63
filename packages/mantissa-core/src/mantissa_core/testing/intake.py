"""What the runtime is to a receiver, for tests: it takes what is submitted, or fails as told."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import msgspec

from mantissa_core import catalog
from mantissa_core.hookspecs import Parser
from mantissa_core.model import Rejected

PATIENCE = 20.0
"""Seconds after which a test gives up waiting."""


class Intake:
    """Keeps what is submitted. ``failure`` is raised instead; while ``gate`` is cleared, ``submit`` does not return."""

    def __init__(self) -> None:
        self.submitted: list[tuple[str, list[Any]]] = []
        self.failure: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Event()
        self._changed = threading.Condition()

    def submit(self, log_type: str, records: Any) -> None:
        """Take records, as :meth:`mantissa_core.hookspecs.Receiver.listen` describes it."""
        if self.failure is not None:
            self.waiting.set()
            raise self.failure
        if not self.gate.is_set():
            self.waiting.set()
            self.gate.wait(PATIENCE)
        with self._changed:
            self.submitted.append((log_type, list(records)))
            self._changed.notify_all()

    def decoder(self, name: str) -> Parser:
        """An installed parser with its default settings."""
        parser = catalog.load(Parser.group, name)
        return cast(Parser, parser(parser.Config()))

    @property
    def events(self) -> list[Any]:
        """What was submitted and is no ``Rejected``, decoded where it is JSON text."""
        with self._changed:
            listed = [each for _, records in self.submitted for each in records if not isinstance(each, Rejected)]
        return [_decoded(each) for each in listed]

    @property
    def rejected(self) -> list[Rejected]:
        """What was submitted as no event."""
        with self._changed:
            return [each for _, records in self.submitted for each in records if isinstance(each, Rejected)]

    def wait_for(self, count: int, like: Callable[[Any], bool] = lambda _event: True) -> list[Any]:
        """The events, once there are so many ``like`` those that are meant."""
        with self._changed:
            self._changed.wait_for(lambda: sum(map(like, self.events)) >= count, PATIENCE)
        found = sum(map(like, self.events))
        assert found >= count, f"{found} of {count} events were submitted in {PATIENCE:g} s"
        return self.events


@contextmanager
def listening(receiver: Any, intake: Intake, stop: threading.Event | None = None) -> Iterator[Any]:
    """``receiver`` listens in a thread for the length of a ``with``; it sets ``listening`` once its port is open."""
    stop = stop or threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            listen(receiver, intake, stop)
        except BaseException as error:  # noqa: BLE001  # told to the test
            failed.append(error)

    thread = threading.Thread(target=run, name="receiver", daemon=True)
    thread.start()
    try:
        while not receiver.listening.wait(0.05):
            if failed:
                raise failed[0]
            assert thread.is_alive(), "listen() has returned before stop was set"
        yield receiver
    finally:
        intake.gate.set()
        stop.set()
        thread.join(PATIENCE)
    assert not thread.is_alive(), "listen() does not end after stop"
    if failed:
        raise failed[0]


def listen(receiver: Any, intake: Intake, stop: threading.Event) -> None:
    """Call the hook with those of its arguments that the plugin asks for, as the runtime does."""
    offered = {"submit": intake.submit, "stop": stop, "decoder": intake.decoder}
    asked = inspect.signature(receiver.listen).parameters
    receiver.listen(**{name: offered[name] for name in asked})


def _decoded(record: Any) -> Any:
    if not isinstance(record, (bytes, str)):
        return record
    try:
        return msgspec.json.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return record
