from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_guardduty import DETECTOR, FakeGuardDuty
from mantissa_aws.guardduty import GuardDutyCollector
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Window
from mantissa_core.testing.collector import CollectorContract, Event

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
HOUR = Window(START, START + timedelta(hours=1))


@pytest.fixture
def guardduty() -> Iterator[FakeGuardDuty]:
    with FakeGuardDuty() as fake:
        yield fake


def collector(fake: FakeGuardDuty, **settings: Any) -> GuardDutyCollector:
    config = {"endpoint_url": fake.url, "timeout": 3, **settings}
    return GuardDutyCollector(GuardDutyCollector.Config.model_validate(config))


class TestGuardDutyCollector(CollectorContract):
    secrets = ("secret-of-the-tests",)

    @pytest.fixture
    def source(self, guardduty: FakeGuardDuty) -> FakeGuardDuty:
        return guardduty

    def collector(self, source: FakeGuardDuty) -> GuardDutyCollector:
        keys = {"access_key_id": "AKIAEXAMPLE000000001", "secret_access_key": "secret-of-the-tests"}
        return collector(source, **keys)


def test_findings_come_as_they_were_sent(guardduty: FakeGuardDuty) -> None:
    guardduty.put([Event("a", START)])
    subject = collector(guardduty)
    [page] = subject.read(subject.streams()[0], HOUR, {})
    assert [json.loads(record) for record in page.records] == guardduty.findings


def test_fifty_findings_are_asked_for_at_a_time(guardduty: FakeGuardDuty) -> None:
    guardduty.page_size = 100
    guardduty.put([Event(str(number), START + timedelta(seconds=number)) for number in range(120)])
    subject = collector(guardduty)
    pages = list(subject.read(subject.streams()[0], HOUR, {}))
    assert [(len(page.records), page.more) for page in pages] == [(50, True), (50, True), (20, False)]


def test_an_updated_finding_is_read_again(guardduty: FakeGuardDuty) -> None:
    guardduty.put([Event("a", START)])
    subject = collector(guardduty)
    stream = subject.streams()[0]
    assert len(list(subject.read(stream, HOUR, {}))) == 1
    guardduty.findings[0]["updatedAt"] = "2025-03-04T10:30:00.000Z"
    [page] = subject.read(stream, Window(HOUR.end, HOUR.end + timedelta(hours=1)), {})
    assert b"10:30" in page.records[0]


def test_a_region_where_guardduty_is_off_needs_the_operator(guardduty: FakeGuardDuty) -> None:
    guardduty.detectors = []
    with pytest.raises(NeedsOperator, match="GuardDuty in eu-west-1 is off"):
        collector(guardduty, region="eu-west-1").check()


def test_missing_permissions_are_named(guardduty: FakeGuardDuty) -> None:
    guardduty.refusal = (403, "AccessDeniedException")
    with pytest.raises(
        NeedsOperator, match="guardduty:ListDetectors, guardduty:ListFindings and guardduty:GetFindings"
    ):
        collector(guardduty).check()


def test_an_answer_without_findings_is_asked_for_again(
    guardduty: FakeGuardDuty, monkeypatch: pytest.MonkeyPatch
) -> None:
    guardduty.put([Event("a", START)])
    subject = collector(guardduty)
    stream = subject.streams()[0]
    respond = guardduty.respond
    monkeypatch.setattr(
        guardduty,
        "respond",
        lambda request, fault: (
            type(respond(request, fault))(body=b'{"error": "busy"}')
            if request.path.endswith("/get")
            else respond(request, fault)
        ),
    )
    with pytest.raises(Retry, match="something else than findings"):
        list(subject.read(stream, HOUR, {}))


def test_the_installed_plugin_names_its_detectors(guardduty: FakeGuardDuty, start_plugin: Callable[..., Any]) -> None:
    subject = start_plugin(Collector, "aws.guardduty", {"endpoint_url": guardduty.url})
    assert [(stream.name, stream.log_type) for stream in subject.streams()] == [(DETECTOR, "aws.guardduty")]
