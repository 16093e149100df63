from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_github import TOKEN, FakeGitHub
from mantissa_core.testing.collector import CollectorContract
from mantissa_github.collector import AuditLog


class TestAuditLog(CollectorContract):
    secrets = (TOKEN,)

    @pytest.fixture
    def source(self) -> Iterator[FakeGitHub]:
        with FakeGitHub() as fake:
            yield fake

    def collector(self, source: FakeGitHub) -> AuditLog:
        settings = {"enterprise": "example", "token": TOKEN, "api_url": source.url, "timeout": 3}
        return AuditLog(AuditLog.Config.model_validate({**settings, "page_size": source.page_size}))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["_document_id"])


class TestAuditLogWhereALimitIsA403(TestAuditLog):
    @pytest.fixture
    def source(self) -> Iterator[FakeGitHub]:
        with FakeGitHub() as fake:
            fake.throttled_status = 403
            yield fake
