"""Slack's Audit Logs API over the wire, as far as a collector can tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request

TOKEN = "xoxp-token-of-the-tests"


class FakeSlack(FakeVendor):
    """One Enterprise organisation. Slack names no limit before it is reached, and then ``Retry-After``."""

    limit_headers = None

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {TOKEN}"

    def events(self, request: Request) -> Answer:
        query = request.query
        limit = int(query.get("limit", "9999"))
        if request.route != "/audit/v1/logs":
            raise Refused(404)
        if not 1 <= limit <= 9999:
            raise Refused(400, "invalid_arguments")
        since = datetime.fromtimestamp(int(query["oldest"]), UTC) if "oldest" in query else None
        until = None
        if "latest" in query:  # it is part of the span
            until = datetime.fromtimestamp(int(query["latest"]), UTC) + timedelta(seconds=1)
        cursor = query.get("cursor") or None
        if cursor is not None and not self.knows(cursor):
            raise Refused(400, "invalid_cursor")
        served = self.page(self.ledger.between(since, until), cursor, limit)
        entries = [record(event) for event in reversed(served.events)]
        return Answer(200, {"entries": entries, "response_metadata": {"next_cursor": served.cursor or ""}})

    def refusal(self, status: int, code: str) -> Answer:
        codes = {401: "invalid_authentication", 429: "ratelimited"}
        headers = {"X-Slack-Req-Id": f"req-{len(self.requests)}"}
        if status == 429:
            headers["Retry-After"] = str(self.reset_in)
        if self.fault is Fault.ERROR_DOCUMENT:
            code = "fatal_error"
        return Answer(status, {"ok": False, "error": code or codes.get(status, "internal_error")}, headers)


def record(event: Event) -> dict[str, Any]:
    """An entry as Slack sends it."""
    user = {"type": "user", "user": {"id": "W0AMARA0001", "name": "Amara Okafor", "email": "amara@example.com"}}
    return {
        "id": event.id,
        "date_create": int(event.time.timestamp()),
        "action": "user_login",
        "actor": user,
        "entity": user,
        "context": {
            "location": {"type": "enterprise", "id": "E0EXAMPLE01", "name": "Example", "domain": "example"},
            "ua": "Mozilla/5.0",
            "ip_address": "203.0.113.17",
        },
    }
