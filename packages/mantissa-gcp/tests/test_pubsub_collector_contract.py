from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_google import pem
from fake_pubsub import SUBSCRIPTION, FakePubSub
from mantissa_core.testing.collector import CollectorContract
from mantissa_gcp.pubsub import PubSubCollector


class TestPubSub(CollectorContract):
    @pytest.fixture
    def source(self) -> Iterator[FakePubSub]:
        with FakePubSub() as fake:
            yield fake

    @property
    def secrets(self) -> tuple[str, ...]:  # type: ignore[override]
        return (pem().splitlines()[5], "ya29.")

    def collector(self, source: FakePubSub) -> PubSubCollector:
        settings = {
            "subscription": SUBSCRIPTION,
            "credentials": source.key_file,
            "endpoint": source.url,
            "messages_per_page": source.page_size,
            "timeout": 3,
        }
        return PubSubCollector(PubSubCollector.Config.model_validate(settings))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["insertId"])
