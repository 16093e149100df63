from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_google_workspace import SUBJECT, FakeGoogleWorkspace, pem
from mantissa_core.testing.collector import CollectorContract
from mantissa_google_workspace.collector import Reports


class TestReports(CollectorContract):
    stream = "login"
    secrets = (pem().splitlines()[1],)

    @pytest.fixture
    def source(self) -> Iterator[FakeGoogleWorkspace]:
        with FakeGoogleWorkspace() as fake:
            yield fake

    def collector(self, source: FakeGoogleWorkspace) -> Reports:
        given = {"subject": SUBJECT, "service_account_key": json.dumps(source.key), "api_url": source.url}
        limits = {"page_size": source.page_size, "requests_per_minute": 2400, "timeout": 3}
        return Reports(Reports.Config.model_validate({**given, **limits}))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["id"]["uniqueQualifier"])
