"""PagerDuty's Events API v2 over the wire: what it refuses, and the incidents that come of what it takes."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Fault, Request

KEY = "R0UT1NGK3Y0123456789abcdefABCDEF"
SEVERITIES = {"critical", "error", "warning", "info"}
FIELDS = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}
LARGEST = 512 * 1024
"""Bytes of an event."""


class FakePagerDuty(FakeHTTP):
    """Holds the incidents of one service. A repeated ``dedup_key`` adds to the log of its incident."""

    faults = frozenset(Fault) - {Fault.REDIRECT, Fault.TRUNCATED}

    def __init__(self) -> None:
        super().__init__()
        self.incidents: dict[str, dict[str, Any]] = {}

    def messages(self) -> list[str]:
        """What people are paged with."""
        return [json.dumps(each["payload"], ensure_ascii=False) for each in self.incidents.values()]

    def answer(self, request: Request) -> Answer:
        if request.route != "/v2/enqueue" or request.method != "POST":
            return Answer(404, {"error": "not found"})
        if len(request.body) > LARGEST:
            return Answer(413, {"status": "invalid event", "message": "Event object is too large"})
        event = request.json()
        if errors := list(_errors(event)):
            return Answer(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})
        self._take(event)
        return Answer(202, {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]})

    def _take(self, event: dict[str, Any]) -> None:
        incident = self.incidents.get(event["dedup_key"])
        if event["event_action"] == "trigger":
            if incident is None or incident["status"] == "resolved":
                self.incidents[event["dedup_key"]] = {"status": "triggered", "payload": event["payload"]}
        elif incident is not None:  # without one PagerDuty takes the event and does nothing
            incident["status"] = event["event_action"].removesuffix("e") + "ed"


def _errors(event: Any) -> Any:
    if not isinstance(event, dict) or event.get("routing_key") != KEY:
        yield "Invalid routing key"
        return
    if event.get("event_action") not in {"trigger", "acknowledge", "resolve"}:
        yield "'event_action' is invalid"
    if not 0 < len(event.get("dedup_key", "")) <= 255:
        yield "'dedup_key' is missing or too long"
    if any(set(each) != {"href", "text"} or not each["href"].startswith("https://") for each in event.get("links", ())):
        yield "'links' is invalid"
    payload = event.get("payload", {})
    for name in ("summary", "source", "severity"):
        if not payload.get(name):
            yield f"'payload.{name}' is missing or blank"
    if len(payload.get("summary", "")) > 1024:
        yield "'payload.summary' is too long"
    if payload.get("severity") not in SEVERITIES:
        yield "'payload.severity' is invalid"
    if unknown := set(payload) - FIELDS:
        yield f"unknown: {sorted(unknown)}"
    if not re.search(r"[+-]\d\d:\d\d$|Z$", payload.get("timestamp", "Z")) or not datetime.fromisoformat(
        payload["timestamp"]
    ):
        yield "'payload.timestamp' is invalid"
