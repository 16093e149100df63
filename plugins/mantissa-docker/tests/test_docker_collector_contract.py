from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fake_docker import FakeDocker
from mantissa_core.testing.collector import CollectorContract
from mantissa_docker.collector import EngineEvents


class TestEngineEvents(CollectorContract):
    @pytest.fixture
    def source(self) -> Iterator[FakeDocker]:
        with tempfile.TemporaryDirectory() as folder, FakeDocker(Path(folder) / "docker.sock") as fake:
            yield fake

    def collector(self, source: FakeDocker) -> EngineEvents:
        return EngineEvents(EngineEvents.Config.model_validate({"host": source.host, "timeout": 3}))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["Actor"]["ID"])
