from __future__ import annotations

import pytest
from fake_fdr import KEY, REGION, SECRET, FakeFdr
from mantissa_core.parse.json_lines import JSONLines
from mantissa_core.testing.collector import CollectorContract
from mantissa_crowdstrike.fdr import FalconDataReplicator


class TestFalconDataReplicator(CollectorContract):
    secrets = (SECRET,)

    @pytest.fixture
    def source(self, fdr: FakeFdr) -> FakeFdr:
        return fdr

    def collector(self, source: FakeFdr) -> FalconDataReplicator:
        settings = {"queue_url": source.queue, "endpoint_url": source.url, "region": REGION, "access_key_id": KEY}
        more = {"secret_access_key": SECRET, "timeout": 2, "wait_seconds": 0}
        return FalconDataReplicator(FalconDataReplicator.Config.model_validate({**settings, **more}))

    def decoder(self) -> JSONLines:
        return JSONLines(JSONLines.Config())
