from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_abuseipdb import KEY, FakeAbuseIPDB
from mantissa_abuseipdb.enricher import AbuseIPDB
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import EnricherContract, an_alert


class TestAbuseIPDB(EnricherContract):
    secrets = (KEY,)

    @pytest.fixture
    def source(self) -> Iterator[FakeAbuseIPDB]:
        with FakeAbuseIPDB() as fake:
            yield fake

    def enricher(self, source: FakeAbuseIPDB) -> AbuseIPDB:
        return AbuseIPDB(AbuseIPDB.Config.model_validate({"api_key": KEY, "server": source.url, "timeout": 2}))

    def known(self, source: FakeAbuseIPDB) -> Alert:
        return an_alert(src_ip="203.0.113.7")
