"""GuardDuty over the wire: one detector and its findings. It refuses what the real one refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fake_aws import Answer, FakeAws, Request, as_json
from mantissa_core.testing.collector import Event, Fault

DETECTOR = "12abc34d567e8fa901bc2d34e56789f0"
MOST = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FakeGuardDuty(FakeAws):
    faults = FakeAws.faults | {Fault.ENDLESS, Fault.SHUFFLED}

    def __init__(self) -> None:
        super().__init__()
        self.detectors = [DETECTOR]
        self.findings: list[dict[str, Any]] = []

    def put(self, events: Sequence[Event]) -> None:
        self.findings += [
            {"id": event.id, "updatedAt": event.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "notInBoto": [{"new": 1}]}
            for event in events
        ]

    def is_for_events(self, request: Request) -> bool:
        return "/findings" in request.path

    def respond(self, request: Request, fault: Fault | None) -> Answer:
        asked = json.loads(request.body or b"{}")
        if request.path.partition("?")[0] == "/detector":
            return as_json({"detectorIds": self.detectors})
        if request.path == f"/detector/{DETECTOR}/findings":
            return self._list(asked, fault)
        if request.path == f"/detector/{DETECTOR}/findings/get" and len(asked["findingIds"]) <= MOST:
            return as_json({"findings": [each for each in self.findings if each["id"] in asked["findingIds"]]})
        return Answer(400, b'{"__type": "BadRequestException"}')

    def _list(self, asked: dict[str, Any], fault: Fault | None) -> Answer:
        if not 1 <= asked["maxResults"] <= MOST:
            return Answer(400, b'{"__type": "BadRequestException"}')
        updated = asked.get("findingCriteria", {}).get("criterion", {}).get("updatedAt", {})
        first, last = updated.get("greaterThanOrEqual", 0), updated.get("lessThan", 2**62)
        found = [each["id"] for each in self.findings if first <= _milliseconds(each) < last]
        found = found[1::2] + found[::2][::-1] if fault is Fault.SHUFFLED else found
        at = int(asked.get("nextToken") or 0)
        end = at + min(asked["maxResults"], self.page_size)
        token = "0" if fault is Fault.ENDLESS else str(end) if end < len(found) else ""
        return as_json({"findingIds": found[at:end], "nextToken": token})


def _milliseconds(finding: dict[str, Any]) -> int:
    return (datetime.fromisoformat(finding["updatedAt"]) - _EPOCH) // timedelta(milliseconds=1)
