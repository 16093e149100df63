"""A real state store, and a clock that only moves when told to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for fake_smtp: importlib mode does not put tests on the path

from fake_smtp import FakeSMTP
from mantissa_core.model import Severity, Signal
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite
from mantissa_core.testing.certificates import make_certificate

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Clock:
    """Starts at the present, because the store compares expiries with the real clock."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(SQLite(SQLite.Config(path=tmp_path / "state.sqlite")))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate and key of a mail server on this machine."""
    return make_certificate(tmp_path_factory.mktemp("mail"))


@pytest.fixture
def mail(certificate: tuple[Path, Path]) -> Iterator[FakeSMTP]:
    """A mail server with STARTTLS that asks for a login."""
    with FakeSMTP(certificate) as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signal() -> Callable[..., Signal]:
    """Makes signals of one rule and group; ``minutes`` after noon."""

    def make(name: str, minutes: float = 0, **changes: object) -> Signal:
        values: dict[str, object] = {
            "id": f"signal-{name}",
            "rule_id": "rule-1",
            "rule_name": "Console login without MFA",
            "severity": Severity.HIGH,
            "summary": "alice logged in without MFA",
            "time": START + timedelta(minutes=minutes),
            "table": "aws_cloudtrail",
            "event_ids": (f"{name:0>32}",),
            "group": {"user": "alice"},
            "entities": {"user": "alice", "src_ip": "198.51.100.7"},
            "evidence": {"eventName": "ConsoleLogin"},
        }
        return Signal(**{**values, **changes})  # type: ignore[arg-type]

    return make
