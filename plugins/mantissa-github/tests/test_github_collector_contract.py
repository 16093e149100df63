from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_github import APP_ID, INSTALLATION, TOKEN, FakeGitHub, pem
from mantissa_core.testing.collector import CollectorContract
from mantissa_core.testing.fake_vendor import Fault
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


class TestAuditLogReadByAnApp(TestAuditLog):
    secrets = (pem().splitlines()[1], "ghs_installation-token")

    @pytest.fixture
    def source(self) -> Iterator[FakeGitHub]:
        with FakeGitHub() as fake:
            fake.faults = fake.faults | {Fault.TOKEN_LAPSED}
            yield fake

    def collector(self, source: FakeGitHub) -> AuditLog:
        settings = {"org": "example", "api_url": source.url, "timeout": 3, "page_size": source.page_size}
        app = {"app_id": APP_ID, "installation_id": INSTALLATION, "private_key": pem()}
        return AuditLog(AuditLog.Config.model_validate({**settings, **app}))
