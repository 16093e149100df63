from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from fake_falcon import CLIENT_ID, CLIENT_SECRET, FakeFalcon
from mantissa_core.testing.collector import CollectorContract
from mantissa_crowdstrike.alerts import Alerts


class TestAlerts(CollectorContract):
    secrets = (CLIENT_SECRET,)
    most_at_once = 4

    @pytest.fixture
    def source(self, falcon: FakeFalcon) -> FakeFalcon:
        return falcon

    def collector(self, source: FakeFalcon) -> Alerts:
        settings = {"url": source.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "timeout": 3}
        return Alerts(Alerts.Config.model_validate({**settings, "page_size": source.page_size}))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["composite_id"])
