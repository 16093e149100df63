from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from fake_s3 import FOLDER, FakeS3
from mantissa_aws.collector import S3Collector
from mantissa_aws.parser import CloudTrailFile
from mantissa_core.testing.collector import CollectorContract


class TestS3Collector(CollectorContract):
    secrets = ("secret-of-the-tests",)

    @pytest.fixture
    def source(self, s3: FakeS3) -> FakeS3:
        return s3

    def collector(self, source: FakeS3) -> S3Collector:
        settings = {
            "bucket": source.bucket,
            "prefix": FOLDER,
            "endpoint_url": source.url,
            "access_key_id": "AKIAEXAMPLE000000001",
            "secret_access_key": "secret-of-the-tests",
            "objects_per_page": source.page_size,
            "timeout": 3,
        }
        return S3Collector(S3Collector.Config.model_validate(settings))

    def decoder(self) -> CloudTrailFile:
        return CloudTrailFile(CloudTrailFile.Config())

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["eventID"])
