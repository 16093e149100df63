from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fake_graph import CLIENT, SECRET, TENANT, FakeGraph
from mantissa_azure.graph import GraphCollector
from mantissa_core.testing.collector import CollectorContract


class TestSignIns(CollectorContract):
    secrets = (SECRET,)
    stream = "signins"

    @pytest.fixture
    def source(self) -> Iterator[FakeGraph]:
        with FakeGraph() as fake:
            yield fake

    def collector(self, source: FakeGraph) -> GraphCollector:
        settings = {
            "tenant_id": TENANT,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "graph_url": source.url,
            "login_url": source.url,
            "page_size": source.page_size,
            "requests_per_minute": 600,
            "timeout": 2,
        }
        return GraphCollector(GraphCollector.Config.model_validate(settings))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["properties"]["id"])


class TestAudits(TestSignIns):
    stream = "audits"


class TestRiskDetections(TestSignIns):
    stream = "risk_detections"
