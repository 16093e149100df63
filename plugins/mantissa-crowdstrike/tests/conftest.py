from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

sys.path.insert(0, str(Path(__file__).parent))  # for the fakes: importlib mode does not put tests on the path

from fake_event_streams import FakeEventStreams
from fake_falcon import FakeFalcon
from fake_fdr import FakeFdr


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fakes are on this machine, whatever proxy the environment names; AWS is asked once."""
    for name, value in {"NO_PROXY": "127.0.0.1", "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def falcon() -> Iterator[FakeFalcon]:
    with FakeFalcon() as fake:
        yield fake


@pytest.fixture
def event_streams() -> Iterator[FakeEventStreams]:
    with FakeEventStreams() as fake:
        yield fake


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def fdr(moto: str) -> Iterator[FakeFdr]:
    with FakeFdr(moto) as fake:
        yield fake
