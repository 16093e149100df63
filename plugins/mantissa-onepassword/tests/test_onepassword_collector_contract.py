from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from fake_onepassword import TOKEN, FakeOnePassword
from mantissa_core.testing.collector import CollectorContract
from mantissa_onepassword.collector import OnePasswordEvents


class TestEvents(CollectorContract):
    """One stream stands for all: they differ in the path that is asked for."""

    secrets = (TOKEN,)
    stream = "signin"

    @pytest.fixture
    def source(self, onepassword: FakeOnePassword) -> FakeOnePassword:
        return onepassword

    def collector(self, source: FakeOnePassword) -> OnePasswordEvents:
        settings = {"url": source.url, "token": TOKEN, "page_size": source.page_size, "timeout": 3}
        return OnePasswordEvents(OnePasswordEvents.Config.model_validate(settings))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["uuid"])
