"""1Password's Events API over the wire, as far as a collector can tell."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Refused, Request

TOKEN = "token-of-the-tests"  # not a secret
KINDS = ("signinattempts", "itemusages", "auditevents")


class FakeOnePassword(FakeVendor):
    """One account; each kind of event holds all the events. ``features`` is what the token may report."""

    limit_headers = None

    def __init__(self) -> None:
        super().__init__()
        self.features = list(KINDS)
        self._resets: dict[str, tuple[datetime, datetime, int]] = {}

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {TOKEN}"

    def events(self, request: Request) -> Answer:
        if (request.method, request.route) == ("GET", "/api/v2/auth/introspect"):
            return Answer(200, {"uuid": "INTEG", "issued_at": "2025-01-01T00:00:00Z", "features": self.features})
        kind = request.route.removeprefix("/api/v2/")
        if request.method != "POST" or kind not in KINDS:
            raise Refused(404)
        if kind not in self.features:
            raise Refused(401)
        return self._page(kind, request.json())

    def _page(self, kind: str, query: dict[str, Any]) -> Answer:
        """A cursor keeps the bounds and the limit of the reset that began its walk. Bounds are exclusive, the strictest
        reading of what is documented; there is a cursor even where there is no more."""
        cursor = query.get("cursor")
        if cursor is None:
            reset = _reset(query)
        elif query.keys() == {"cursor"} and self.knows(cursor):
            reset = self._resets[cursor]
        else:
            raise Refused(400)
        since, until, limit = reset
        found = [event for event in self.ledger.between(since, until) if event.time != since]
        served = self.page(found, cursor, limit)
        following = served.cursor or "poll-later"
        self._resets[following] = reset
        items = [record(event, kind) for event in served.events]
        return Answer(200, {"cursor": following, "has_more": served.cursor is not None, "items": items})

    def refusal(self, status: int, code: str) -> Answer:
        return Answer(status, {"status": status, "message": "refused"})


def _reset(query: dict[str, Any]) -> tuple[datetime, datetime, int]:
    limit = query.get("limit", 100)
    if not {"start_time", "end_time"} <= query.keys() or not 1 <= limit <= 1000:
        raise Refused(400)
    since, until = (datetime.fromisoformat(query[name]) for name in ("start_time", "end_time"))
    return since, until, limit


def record(event: Event, kind: str) -> dict[str, Any]:
    """An event as 1Password sends it."""
    user = {"uuid": "USERA", "name": "Amara Okafor", "email": "amara@example.com"}
    client = {"app_name": "1Password CLI", "ip_address": "203.0.113.17"}
    common = {"uuid": event.id, "timestamp": event.time.isoformat()}
    if kind == "signinattempts":
        return {**common, "category": "success", "type": "credentials_ok", "target_user": user, "client": client}
    if kind == "itemusages":
        return {**common, "action": "fill", "item_uuid": "item", "vault_uuid": "vault", "user": user, "client": client}
    return {**common, "action": "create", "object_type": "vault", "object_uuid": "vault", "actor_details": user}
