"""An enricher that hangs, a sink that is down, a route that names no sink: the rest goes on, and each is named."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mantissa_core import Runtime
from mantissa_core.cli.checks_flow import check_flow
from mantissa_core.hookspecs import Enricher, hookimpl
from mantissa_core.model import Alert, Enrichment, Severity, Signal
from mantissa_core.testing.fake_http import FakeHTTP, Fault

HUNG = threading.Event()


class Hanging:
    """Does not answer before the test is over."""

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        HUNG.wait(60)
        return None


class Knowing:
    """Knows everybody."""

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        return Enrichment({"users": {"amara": {"department": "Finance"}}})


@pytest.fixture
def down(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHTTP]:
    """A destination that answers 503."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeHTTP() as fake:
        fake.inject(Fault.SERVER_ERROR)
        yield fake
    HUNG.set()


def forced(number: int) -> Signal:
    return Signal(
        id=f"signal-{number}",
        rule_id="door",
        rule_name="Door forced",
        severity=Severity.HIGH,
        summary=f"door {number} was forced",
        time=datetime.now(UTC),
        table="acme_doors",
        event_ids=(f"{number:032x}",),
        group={"door": str(number)},
        entities={"user": "amara"},
    )


def test_each_degrades_only_itself_and_is_named(tmp_path: Path, down: FakeHTTP) -> None:
    settings = {
        "home": str(tmp_path),
        "rules": {"packs": False},
        "sinks": {
            "good": {"plugin": "core.file", "path": str(tmp_path / "alerts.ndjson")},
            "down": {"plugin": "core.webhook", "url": down.url},
        },
        "routes": {"lost": {"to": ["good", "nowhere"], "when": {"severities": ["high"]}}},
    }
    with Runtime.open(settings) as siem:
        siem.host.add(Enricher, "slow", Hanging())
        siem.host.add(Enricher, "quick", Knowing())
        for number in range(12):
            siem.announce([forced(number)])
            siem.deliver()
        told = [json.loads(line)["alert"] for line in (tmp_path / "alerts.ndjson").read_text().splitlines()]
        doors = [each for each in told if each["rule_id"] == "door"]
        assert len(doors) == 12
        assert {each["enrichment"]["quick"]["users"]["amara"]["department"] for each in doors} == {"Finance"}
        assert doors[0]["unenriched"]["slow"] == "no answer within 2 s"
        assert all(each["unenriched"]["slow"].startswith("left alone for ") for each in doors[1:])
        assert [each.destination for each in siem.outbox.waiting()] == ["down"] * len(told)
        assert not siem.outbox.circuit("down").closed
        shown = {(each.part, each.subject): each for each in check_flow(siem)}
        assert shown["deliveries", "down"].status == "problem"
        assert "nowhere" in shown["routes", "routes.lost"].detail
        assert shown["deliveries", "good"].status == "ok"
        down.heal()
