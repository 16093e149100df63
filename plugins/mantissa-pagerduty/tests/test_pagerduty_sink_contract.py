from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_pagerduty import KEY, FakePagerDuty
from mantissa_core.testing.alert_sink import AlertSinkContract
from mantissa_pagerduty.sink import PagerDuty


class TestPagerDuty(AlertSinkContract):
    secrets = (KEY,)
    one_for_each_alert = True

    @pytest.fixture
    def destination(self) -> Iterator[FakePagerDuty]:
        with FakePagerDuty() as fake:
            yield fake

    def sink(self, destination: FakePagerDuty) -> PagerDuty:
        settings = {"routing_key": KEY, "server": destination.url, "timeout": 2}
        return PagerDuty(PagerDuty.Config.model_validate(settings))
