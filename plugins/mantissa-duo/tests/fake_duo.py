"""Duo's Admin API over the wire, as far as a collector of its logs can tell."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request

IKEY, SKEY = "DIWJ8X6AEYOR5OMC6TQ1", "secret-key-of-the-tests"


class FakeDuo(FakeVendor):
    """One account; each of its logs holds all the events. ``page_size`` is that of version 1 too."""

    limit_headers = None
    digest = "sha1"

    def __init__(self, log: str = "authentication", page_size: int = 3) -> None:
        super().__init__()
        self.log, self.page_size = log, page_size
        if log != "authentication":  # nothing but the time says where a page begins
            self.faults = FakeVendor.faults - {Fault.ENDLESS, Fault.SHUFFLED, Fault.BIG_CURSORS, Fault.DUPLICATES}
            self.faults -= {Fault.EMPTY_PAGE}

    def authorised(self, request: Request) -> bool:
        route, _, query = request.path.partition("?")
        lines = [
            request.headers.get("date", ""),
            request.method,
            "127.0.0.1",
            route,
            "&".join(sorted(query.split("&"))),
        ]
        expected = hmac.new(SKEY.encode(), "\n".join(lines).encode(), getattr(hashlib, self.digest)).hexdigest()
        pair = base64.b64encode(f"{IKEY}:{expected}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {pair}"

    def events(self, request: Request) -> Answer:
        query = request.query
        if request.route == "/admin/v2/logs/authentication":
            since, until = (datetime.fromtimestamp(int(query[name]) / 1000, UTC) for name in ("mintime", "maxtime"))
            if not since < until or not 1 <= int(query["limit"]) <= 1000:
                raise Refused(400, "40002")
            served = self.page(self.ledger.between(since, until), query.get("next_offset"), int(query["limit"]))
            cursor = [served.cursor] if served.cursor else None
            logs = [record(event, "authentication") for event in served.events]
            return _ok({"authlogs": logs, "metadata": {"next_offset": cursor, "total_objects": len(logs)}})
        if request.route not in {"/admin/v1/logs/administrator", "/admin/v1/logs/telephony"}:
            raise Refused(404, "40401")
        found = self.ledger.between(datetime.fromtimestamp(int(query["mintime"]), UTC))
        log = request.route.rpartition("/")[2]
        return _ok([record(event, log) for event in self.earliest(found, self.page_size).events])

    def refusal(self, status: int, code: str) -> Answer:
        return Answer(status, {"stat": "FAIL", "code": int(code or f"{status}01"), "message": "refused"})


def _ok(response: Any) -> Answer:
    return Answer(200, {"stat": "OK", "response": response})


def record(event: Event, log: str) -> dict[str, Any]:
    """An event as Duo sends it; the id stands where each log has one of its own."""
    common = {"isotimestamp": event.time.isoformat(), "timestamp": int(event.time.timestamp())}
    if log == "administrator":
        return {**common, "action": "user_update", "username": "Amara Okafor", "object": event.id, "description": "{}"}
    if log == "telephony":
        return {**common, "context": "authentication", "credits": 1, "phone": event.id, "type": "sms"}
    return {
        **common,
        "txid": event.id,
        "event_type": "authentication",
        "factor": "duo_push",
        "result": "success",
        "reason": "user_approved",
        "user": {"key": "DU3KC77WJ06Y5HIV7XKQ", "name": "amara@example.com", "groups": ["Staff"]},
        "access_device": {"ip": "203.0.113.17"},
        "application": {"key": "DIY231J8BR23QK4UKBY8", "name": "VPN"},
    }
