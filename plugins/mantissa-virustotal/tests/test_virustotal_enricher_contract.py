from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_virustotal import KEY, FakeVirusTotal
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import EnricherContract, an_alert
from mantissa_virustotal.enricher import VirusTotal


class TestVirusTotal(EnricherContract):
    secrets = (KEY,)

    @pytest.fixture
    def source(self) -> Iterator[FakeVirusTotal]:
        with FakeVirusTotal() as fake:
            yield fake

    def enricher(self, source: FakeVirusTotal) -> VirusTotal:
        return VirusTotal(VirusTotal.Config.model_validate({"api_key": KEY, "server": source.url, "timeout": 2}))

    def known(self, source: FakeVirusTotal) -> Alert:
        return an_alert(src_ip="203.0.113.7")
