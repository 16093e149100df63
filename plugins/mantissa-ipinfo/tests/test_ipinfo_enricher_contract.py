from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_ipinfo import TOKEN, FakeIPinfo
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import EnricherContract, an_alert
from mantissa_ipinfo.enricher import IPinfo


class TestIPinfo(EnricherContract):
    secrets = (TOKEN,)

    @pytest.fixture
    def source(self) -> Iterator[FakeIPinfo]:
        with FakeIPinfo() as fake:
            yield fake

    def enricher(self, source: FakeIPinfo) -> IPinfo:
        return IPinfo(IPinfo.Config.model_validate({"token": TOKEN, "server": source.url, "timeout": 2}))

    def known(self, source: FakeIPinfo) -> Alert:
        return an_alert(src_ip="203.0.113.7")
