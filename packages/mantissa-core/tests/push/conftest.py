"""A receiver that listens in a thread, and the runtime that it submits to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mantissa_core.errors import PluginError
from mantissa_core.model import Rejected
from mantissa_core.parse.json_array import JSONArray
from mantissa_core.parse.json_lines import JSONLines

DECODERS = {"core.json_lines": JSONLines, "core.json_array": JSONArray}


class Lake:
    """What the runtime is to a receiver: it stores, or raises ``failure``."""

    def __init__(self) -> None:
        self.submitted: list[tuple[str, list[Any]]] = []
        self.failure: Exception | None = None
        self.added = threading.Condition()

    def submit(self, log_type: str, records: Any) -> None:
        if self.failure is not None:
            raise self.failure
        with self.added:
            self.submitted.append((log_type, list(records)))
            self.added.notify_all()

    def decoder(self, name: str) -> Any:
        if name not in DECODERS:
            raise PluginError(name, "is not installed")
        return DECODERS[name](DECODERS[name].Config())

    def wait_for(self, count: int) -> list[Any]:
        """The events, once there are so many."""
        with self.added:
            assert self.added.wait_for(lambda: len(self.events) >= count, 20), self.submitted
        return self.events

    @property
    def events(self) -> list[Any]:
        return [each for _, records in self.submitted for each in records if not isinstance(each, Rejected)]

    @property
    def rejected(self) -> list[Rejected]:
        return [each for _, records in self.submitted for each in records if isinstance(each, Rejected)]


@pytest.fixture
def lake() -> Lake:
    return Lake()


@pytest.fixture
def listening(lake: Lake) -> Iterator[Callable[[Any], Any]]:
    """``listening(receiver)`` serves it until the test ends, and returns it."""
    running: list[tuple[threading.Event, threading.Thread]] = []

    def start(receiver: Any) -> Any:
        stop = threading.Event()
        thread = threading.Thread(target=receiver.listen, args=(lake.submit, stop, lake.decoder), daemon=True)
        thread.start()
        running.append((stop, thread))
        assert receiver.listening.wait(20)
        return receiver

    yield start
    for stop, _ in running:
        stop.set()
    for _, thread in running:
        thread.join(20)
        assert not thread.is_alive(), "listen() does not end after stop"
