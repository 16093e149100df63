from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_slack import TOKEN, FakeSlack
from mantissa_core.testing.collector import CollectorContract
from mantissa_slack.collector import AuditLogs


class TestAuditLogs(CollectorContract):
    secrets = (TOKEN,)

    @pytest.fixture
    def source(self) -> Iterator[FakeSlack]:
        with FakeSlack() as fake:
            yield fake

    def collector(self, source: FakeSlack) -> AuditLogs:
        settings = {"token": TOKEN, "api_url": source.url, "timeout": 3, "requests_per_minute": 600}
        return AuditLogs(AuditLogs.Config.model_validate({**settings, "page_size": source.page_size}))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["id"])
