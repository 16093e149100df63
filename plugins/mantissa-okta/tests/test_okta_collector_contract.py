from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_okta import FakeOkta
from mantissa_core.testing.collector import CollectorContract
from mantissa_okta.collector import SystemLog


class TestSystemLog(CollectorContract):
    secrets = ("00token-of-the-tests",)

    @pytest.fixture
    def source(self) -> Iterator[FakeOkta]:
        with FakeOkta() as fake:
            yield fake

    def collector(self, source: FakeOkta) -> SystemLog:
        settings = {"org_url": source.url, "api_token": source.token, "page_size": source.page_size, "timeout": 3}
        return SystemLog(SystemLog.Config.model_validate(settings))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["uuid"])


class TestSystemLogWhereOktaAlwaysGivesANextLink(TestSystemLog):
    @pytest.fixture
    def source(self) -> Iterator[FakeOkta]:
        with FakeOkta(always_link=True) as fake:
            yield fake
