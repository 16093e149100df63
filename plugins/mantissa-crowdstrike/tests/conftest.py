from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the fakes: importlib mode does not put tests on the path

from fake_event_streams import FakeEventStreams
from fake_falcon import FakeFalcon


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fakes are on this machine, whatever proxy the environment names."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def falcon() -> Iterator[FakeFalcon]:
    with FakeFalcon() as fake:
        yield fake


@pytest.fixture
def event_streams() -> Iterator[FakeEventStreams]:
    with FakeEventStreams() as fake:
        yield fake
