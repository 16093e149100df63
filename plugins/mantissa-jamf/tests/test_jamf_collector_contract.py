from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_jamf import CLIENT, SECRET, FakeJamf
from mantissa_core.testing.collector import CollectorContract
from mantissa_jamf.collector import JamfPro


class TestHistoryOfSettings(CollectorContract):
    secrets = (SECRET,)
    stream = "sso"

    @pytest.fixture
    def source(self) -> Iterator[FakeJamf]:
        with FakeJamf() as fake:
            yield fake

    def collector(self, source: FakeJamf) -> JamfPro:
        settings = {"url": source.url, "client_id": CLIENT, "client_secret": SECRET, "timeout": 3}
        given = {**settings, "logs": ["sso", "action-logs"], "page_size": source.page_size, "requests_per_minute": 600}
        return JamfPro(JamfPro.Config.model_validate(given))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["note"])


class TestActionLogs(TestHistoryOfSettings):
    stream = "action-logs"

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["id"])
