"""A small company's day in a real lake: what questions are asked of. And fakes of those who sell models."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from mantissa_core import Runtime
from mantissa_core.simulate import simulate, write

sys.path.insert(0, str(Path(__file__).parent))  # for fake_models: importlib mode does not put tests on the path

import fake_models  # noqa: F401  # found by the tests from here

DAY = date(2026, 11, 19)
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
"""The morning after, a Friday."""


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose lake holds a simulated day of CloudTrail and Okta."""
    pytest.importorskip("mantissa_aws")
    pytest.importorskip("mantissa_okta")
    home = tmp_path_factory.mktemp("asked")
    written = write(simulate(3, DAY, events=1_500), home / "logs")
    with Runtime.open(config(home, written.cloudtrail, written.okta)) as siem:
        for _ in siem.collect():
            pass
    return home


@pytest.fixture
def siem(day: Path, tmp_path: Path) -> Iterator[Runtime]:
    """An instance over that lake with a state of its own. It is the morning after."""
    with Runtime.open({"home": str(tmp_path), "lake": {"url": str(day / "lake"), "retention_days": 36_500}}) as found:
        found.clock = lambda: NOW
        yield found


def config(home: Path, cloudtrail: Path, okta: Path) -> dict[str, Any]:
    """The simulator's folders as collectors."""
    files = {"cloudtrail": (cloudtrail, "aws.cloudtrail"), "okta": (okta, "okta.system")}
    return {
        "home": str(home),
        "lake": {"retention_days": 36_500},
        "collectors": {
            label: {"plugin": "core.file", "path": str(path), "log_type": log_type}
            for label, (path, log_type) in files.items()
        },
    }


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fakes are on this machine, whatever proxy the environment names."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
