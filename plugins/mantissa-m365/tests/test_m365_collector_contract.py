from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_m365 import CLIENT, NOW, SECRET, TENANT, FakeM365
from mantissa_core.testing.collector import CollectorContract, Fault
from mantissa_m365 import collector
from mantissa_m365.collector import ManagementActivity


class TestManagementActivity(CollectorContract):
    secrets = (SECRET,)
    stream = "Audit.AzureActiveDirectory"

    @pytest.fixture
    def source(self) -> Iterator[FakeM365]:
        with FakeM365() as fake:
            yield fake

    def collector(self, source: FakeM365) -> ManagementActivity:
        given = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET, "requests_per_minute": 10_000}
        addresses = {"api_url": source.url, "login_url": source.url}
        config = ManagementActivity.Config.model_validate({**given, **addresses, "timeout": 3})
        return ManagementActivity(config, clock=lambda: NOW)

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["Id"])


class TestManagementActivityInShortPages(TestManagementActivity):
    """The content on one page of the listing makes several pages of ours."""

    @pytest.fixture
    def source(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeM365]:
        monkeypatch.setattr(collector, "EVENTS", 1)
        with FakeM365() as fake:
            fake.faults -= {Fault.TIMEOUT}  # takes seconds, and has nothing to do with pages
            yield fake
