from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for fake_docker: importlib mode does not put tests on the path

from fake_docker import FakeDocker


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake is on this machine, whatever proxy and engine the environment names."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CERT_PATH", raising=False)


@pytest.fixture
def docker() -> Iterator[FakeDocker]:
    """On a Unix socket; its path must be short, so it does not lie in pytest's folder."""
    with tempfile.TemporaryDirectory() as folder, FakeDocker(Path(folder) / "docker.sock") as fake:
        yield fake
