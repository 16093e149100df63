from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_salesforce import CLIENT, USER, FakeSalesforce, pem
from mantissa_core.testing.collector import CollectorContract
from mantissa_salesforce import event_log_files
from mantissa_salesforce.collector import SalesforceLogs
from mantissa_salesforce.parser import EventLogCSV


class TestLoginHistory(CollectorContract):
    secrets = (pem(), *pem().splitlines()[1:-1])
    stream = "login"

    @pytest.fixture
    def source(self) -> Iterator[FakeSalesforce]:
        with FakeSalesforce() as fake:
            yield fake

    def collector(self, source: FakeSalesforce) -> SalesforceLogs:
        given = {"instance_url": source.url, "client_id": CLIENT, "username": USER, "private_key": pem()}
        settings = {**given, "timeout": 3, "requests_per_minute": 600}
        return SalesforceLogs(SalesforceLogs.Config.model_validate(settings))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["Id"])


class TestEventLogFiles(TestLoginHistory):
    stream = "event_log"

    @pytest.fixture
    def source(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSalesforce]:
        monkeypatch.setattr(event_log_files, "LISTED", 3)
        with FakeSalesforce("event_log") as fake:
            yield fake

    def decoder(self) -> EventLogCSV:
        return EventLogCSV(EventLogCSV.Config())

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["REQUEST_ID"])
