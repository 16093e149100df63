from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_gcs import ACTIVITY, BUCKET, FakeGcs
from fake_google import pem
from mantissa_core.parse.json_lines import JSONLines
from mantissa_core.testing.collector import CollectorContract
from mantissa_gcp.collector import GcsCollector


class TestGcs(CollectorContract):
    @pytest.fixture
    def source(self) -> Iterator[FakeGcs]:
        with FakeGcs() as fake:
            yield fake

    @property
    def secrets(self) -> tuple[str, ...]:  # type: ignore[override]
        return (pem().splitlines()[5], "ya29.")

    def collector(self, source: FakeGcs) -> GcsCollector:
        settings = {
            "bucket": BUCKET,
            "prefix": ACTIVITY,
            "credentials": source.key_file,
            "endpoint": source.url,
            "objects_per_page": source.page_size,
            "timeout": 3,
        }
        return GcsCollector(GcsCollector.Config.model_validate(settings))

    def decoder(self) -> JSONLines:
        return JSONLines(JSONLines.Config())

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["insertId"])
