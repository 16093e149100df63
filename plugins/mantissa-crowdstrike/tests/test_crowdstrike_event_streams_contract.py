from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from fake_event_streams import FakeEventStreams
from fake_falcon import CLIENT_ID, CLIENT_SECRET
from mantissa_core.testing.collector import CollectorContract
from mantissa_crowdstrike.event_streams import EventStreams


class TestEventStreams(CollectorContract):
    secrets = (CLIENT_SECRET, "session-")

    @pytest.fixture
    def source(self, event_streams: FakeEventStreams) -> FakeEventStreams:
        return event_streams

    def collector(self, source: FakeEventStreams) -> EventStreams:
        settings = {"url": source.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "timeout": 2}
        more = {"events_per_page": source.page_size, "idle_seconds": 2}
        return EventStreams(EventStreams.Config.model_validate({**settings, **more}))

    def event_id(self, record: Mapping[str, Any]) -> str:
        return str(record["event"]["UserId"])
