from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from mantissa_core.collect.held import Held
from mantissa_core.errors import Retry


class Queue:
    """What was asked of a queue: which handles, for how long."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], int]] = []
        self.extended = threading.Event()
        self.down = False

    def hold(self, handles: Sequence[str], seconds: int) -> None:
        if self.down:
            raise Retry("no answer")
        self.asked.append((tuple(handles), seconds))
        if seconds:
            self.extended.set()


def test_messages_are_held_until_they_are_done_with_and_the_rest_is_let_go() -> None:
    queue = Queue()
    held = Held(queue.hold, seconds=30, most=2)
    with held.kept():
        held.add(["a", "b", "c"])
        held.extend()
        held.forget(["a"])
    assert queue.asked == [(("a", "b"), 30), (("c",), 30), (("b", "c"), 0)]


def test_the_time_of_messages_that_take_long_begins_anew_by_itself() -> None:
    queue = Queue()
    held = Held(queue.hold, seconds=1, most=10)
    with held.kept():
        held.add(["a"])
        assert queue.extended.wait(10)
    assert queue.asked[0] == (("a",), 1)


def test_a_queue_that_does_not_answer_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    queue = Queue()
    queue.down = True
    held = Held(queue.hold, seconds=30, most=2)
    with held.kept():
        held.add(["a"])
    assert caplog.messages == ["messages may be received twice: no answer"]
