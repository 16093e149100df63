from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_servicenow import BASIC, CLIENT, PASSWORD, SECRET, TOKEN, USER, FakeServiceNow
from mantissa_core.testing.alert_sink import AlertSinkContract
from mantissa_servicenow.sink import ServiceNow


class _Contract(AlertSinkContract):
    one_for_each_alert = True

    @pytest.fixture
    def destination(self) -> Iterator[FakeServiceNow]:
        with FakeServiceNow() as fake:
            yield fake

    def credential(self) -> dict[str, Any]:
        raise NotImplementedError

    def sink(self, destination: FakeServiceNow) -> ServiceNow:
        settings = {"instance": destination.url, "timeout": 2, **self.credential()}
        return ServiceNow(ServiceNow.Config.model_validate(settings))


class TestWithPassword(_Contract):
    secrets = (PASSWORD, BASIC.removeprefix("Basic "))

    def credential(self) -> dict[str, Any]:
        return {"username": USER, "password": PASSWORD}


class TestWithOAuth(_Contract):
    secrets = (SECRET, TOKEN)

    def credential(self) -> dict[str, Any]:
        return {"client_id": CLIENT, "client_secret": SECRET}
