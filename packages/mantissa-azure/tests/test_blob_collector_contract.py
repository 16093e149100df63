from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_blob import CONTAINER, FOLDER, KEY, FakeBlob
from mantissa_azure.collector import BlobCollector
from mantissa_azure.parser import RecordsFile
from mantissa_core.testing.collector import CollectorContract


class TestBlobCollector(CollectorContract):
    secrets = (KEY,)

    @pytest.fixture
    def source(self) -> Iterator[FakeBlob]:
        with FakeBlob() as fake:
            yield fake

    def collector(self, source: FakeBlob) -> BlobCollector:
        settings = {
            "account_url": source.account_url,
            "account_key": KEY,
            "containers": [CONTAINER],
            "prefix": FOLDER,
            "page_bytes": source.page_size * 60,
            "retries": 0,
            "timeout": 2,
        }
        return BlobCollector(BlobCollector.Config.model_validate(settings), lambda: source.clock)

    def decoder(self) -> RecordsFile:
        return RecordsFile(RecordsFile.Config())
