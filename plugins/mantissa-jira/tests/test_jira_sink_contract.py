from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_jira import BASIC, EMAIL, TOKEN, FakeJira
from mantissa_core.testing.alert_sink import AlertSinkContract
from mantissa_jira.sink import Jira


class TestJira(AlertSinkContract):
    secrets = (TOKEN, BASIC.removeprefix("Basic "))
    one_for_each_alert = True

    @pytest.fixture
    def destination(self) -> Iterator[FakeJira]:
        with FakeJira() as fake:
            yield fake

    def sink(self, destination: FakeJira) -> Jira:
        settings = {"site": destination.url, "email": EMAIL, "api_token": TOKEN, "project": "SEC", "timeout": 2}
        return Jira(Jira.Config.model_validate(settings))
