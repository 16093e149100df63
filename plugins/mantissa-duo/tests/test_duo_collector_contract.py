from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_duo import IKEY, SKEY, FakeDuo
from mantissa_core.testing.collector import CollectorContract
from mantissa_duo import collector
from mantissa_duo.collector import DuoLogs


def logs(fake: FakeDuo, **settings: Any) -> DuoLogs:
    given = {"api_hostname": fake.url, "integration_key": IKEY, "secret_key": SKEY, "requests_per_minute": 600}
    return DuoLogs(DuoLogs.Config.model_validate({**given, "page_size": fake.page_size, "timeout": 3, **settings}))


class TestAuthenticationLog(CollectorContract):
    secrets = (SKEY,)
    stream = "auth"

    @pytest.fixture
    def source(self) -> Iterator[FakeDuo]:
        with FakeDuo() as fake:
            yield fake

    def collector(self, source: FakeDuo) -> DuoLogs:
        return logs(source)

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["txid"])


class TestAdministratorLog(CollectorContract):
    secrets = (SKEY,)
    stream = "admin"
    most_at_once = 4

    @pytest.fixture
    def source(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDuo]:
        monkeypatch.setattr(collector, "EARLIEST", 6)
        with FakeDuo("administrator", page_size=6) as fake:
            yield fake

    def collector(self, source: FakeDuo) -> DuoLogs:
        return logs(source)

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["object"])


class TestTelephonyLog(TestAdministratorLog):
    stream = "telephony"

    @pytest.fixture
    def source(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDuo]:
        monkeypatch.setattr(collector, "EARLIEST", 6)
        with FakeDuo("telephony", page_size=6) as fake:
            yield fake

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["phone"])
