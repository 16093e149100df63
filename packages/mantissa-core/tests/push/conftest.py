"""A receiver that listens in a thread, and what it submits to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from mantissa_core.testing import intake


@pytest.fixture
def lake() -> intake.Intake:
    return intake.Intake()


@pytest.fixture
def listening(lake: intake.Intake) -> Iterator[Callable[[Any], Any]]:
    """``listening(receiver)`` serves it until the test ends, and returns it."""
    with ExitStack() as stack:
        yield lambda receiver: stack.enter_context(intake.listening(receiver, lake))
