"""CrowdStrike's Alerts API over the wire, as far as a collector can tell."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from mantissa_core.testing.fake_tokens import FakeTokens
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request

CLIENT_ID, CLIENT_SECRET = "client-of-the-tests", "secret-of-the-tests"
_FILTER = re.compile(r"updated_timestamp:>='([^']+)'\+updated_timestamp:<'([^']+)'")


class FakeFalcon(FakeVendor):
    """One customer. ``changes`` are the times of detections that were changed after they were made."""

    # Nothing but the time says where a page begins.
    faults = frozenset(Fault) - {Fault.ENDLESS, Fault.DUPLICATES, Fault.SHUFFLED, Fault.BIG_CURSORS, Fault.EMPTY_PAGE}
    limit_headers = ("X-RateLimit-Remaining", "X-RateLimit-RetryAfter")
    page_size = 6

    def __init__(self) -> None:
        super().__init__()
        self.tokens = FakeTokens(CLIENT_ID, CLIENT_SECRET, expires_in=1799)
        self.changes: dict[str, datetime] = {}
        self.after_a_query = lambda: None

    def other(self, request: Request) -> Answer | None:
        return self.tokens.answer(request) if request.route == "/oauth2/token" else None

    def lapse(self) -> None:
        self.tokens.lapse()

    def authorised(self, request: Request) -> bool:
        return self.tokens.accepts(request)

    def events(self, request: Request) -> Answer:
        if (request.method, request.route) == ("GET", "/alerts/queries/alerts/v2"):
            return self._query(request.query)
        if (request.method, request.route) != ("POST", "/alerts/entities/alerts/v2"):
            raise Refused(404)
        ids = request.json()["composite_ids"]
        if not 1 <= len(ids) <= 1000:
            raise Refused(400)
        known = {event.id: event for event in self.ledger.between()}
        return _found([self.alert(known[each]) for each in ids if each in known])

    def _query(self, query: dict[str, str]) -> Answer:
        if (
            not 1 <= int(query["limit"]) <= 10_000
            or query.get("sort", "updated_timestamp.asc") != "updated_timestamp.asc"
        ):
            raise Refused(400)
        events = self.ledger.between()
        if "filter" in query:
            bounds = _FILTER.fullmatch(query["filter"])
            if bounds is None:
                raise Refused(400)
            since, until = map(datetime.fromisoformat, bounds.groups())
            events = [each for each in events if since <= self.changed(each) < until]
        listed = sorted(events, key=lambda each: (self.changed(each), each.id))[: int(query["limit"])]
        answer = _found([each.id for each in listed])
        self.after_a_query()
        return answer

    def changed(self, event: Event) -> datetime:
        return self.changes.get(event.id, event.time)

    def alert(self, event: Event) -> dict[str, Any]:
        """A detection as CrowdStrike gives it."""
        made, changed = (each.isoformat().replace("+00:00", "Z") for each in (event.time, self.changed(event)))
        return {"composite_id": event.id, "timestamp": made, "created_timestamp": made, "updated_timestamp": changed}

    def refusal(self, status: int, code: str) -> Answer:
        return Answer(status, {"meta": {"trace_id": "t"}, "errors": [{"code": status, "message": "refused"}]})


def _found(resources: list[Any]) -> Answer:
    return Answer(200, {"meta": {"pagination": {"total": len(resources)}}, "errors": [], "resources": resources})
