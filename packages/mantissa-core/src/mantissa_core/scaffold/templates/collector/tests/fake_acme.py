"""The API of Acme as a collector sees it: an HTTP server in a thread."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Refused, Request


class FakeAcme(FakeVendor):
    """One account. ``add`` puts events into it that are more than an id and a time."""

    def __init__(self, token: str = "s3cret-of-the-tests") -> None:
        super().__init__()
        self.token = token
        self._details: dict[str, Mapping[str, Any]] = {}

    def add(self, *events: Mapping[str, Any]) -> None:
        """Have these events now."""
        for event in events:
            name = f"event-{len(self._details)}"
            self._details[name] = event
            self.put([Event(name, datetime.now(UTC))])

    def authorised(self, request: Request) -> bool:
        """Acme takes a bearer token."""
        return request.headers.get("authorization") == f"Bearer {self.token}"

    def events(self, request: Request) -> Answer:
        """Answer a query for events."""
        query = request.query
        limit = int(query.get("limit", "0"))
        if request.route != "/v1/gadget":
            raise Refused(404, "not found")
        if not 1 <= limit <= 1000:
            raise Refused(400, "limit must be 1 to 1000")
        if "cursor" in query and not self.knows(query["cursor"]):
            raise Refused(410, "the cursor has expired")
        since, until = (datetime.fromisoformat(query[name]) if name in query else None for name in ("since", "until"))
        served = self.page(self.ledger.between(since, until), query.get("cursor"), limit)
        return Answer(200, {"events": [self.record(event) for event in served.events], "next": served.cursor})

    def record(self, event: Event) -> dict[str, Any]:
        """An event as Acme sends it."""
        return {
            "id": event.id,
            "time": event.time.isoformat(),
            "action": "user.login",
            **self._details.get(event.id, {}),
        }
