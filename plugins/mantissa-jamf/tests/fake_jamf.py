"""The Jamf Pro API over the wire, as far as a collector of its logs can tell."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from mantissa_core.testing.fake_tokens import FakeTokens
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request

CLIENT, SECRET = "6cabf059-21c9-44d6-bbde-02898f7430dd", "client-secret-of-the-tests"
_FILTER = re.compile(r"(?P<field>\w+)>=(?P<since>[^;]+);(?P=field)<(?P<until>[^;]+)")
_HISTORY = re.compile(r"/api/v\d/[a-z-]+/history")


class FakeJamf(FakeVendor):
    """One Jamf Pro; each of its logs holds all the events. Pages have numbers, and access tokens ten minutes."""

    limit_headers = None
    faults = FakeVendor.faults - {Fault.ENDLESS, Fault.BIG_CURSORS, Fault.EMPTY_PAGE} | {Fault.TOKEN_LAPSED}

    def __init__(self) -> None:
        super().__init__()
        self.tokens = FakeTokens(CLIENT, SECRET, expires_in=599)

    def authorised(self, request: Request) -> bool:
        return self.tokens.accepts(request)

    def other(self, request: Request) -> Answer | None:
        return self.tokens.answer(request) if request.route == "/api/oauth/token" else None

    def lapse(self) -> None:
        self.tokens.lapse()

    def events(self, request: Request) -> Answer:
        query = request.query
        actions = request.route == "/api/v1/action-logs"
        if not actions and not _HISTORY.fullmatch(request.route):
            raise Refused(404)
        number, limit = int(query.get("page", "0")), int(query.get("page-size", "100"))
        since = until = None
        if "filter" in query:
            bounds = _FILTER.fullmatch(query["filter"])
            if bounds is None or bounds["field"] != ("createdTime" if actions else "date"):
                raise Refused(400)
            since, until = datetime.fromisoformat(bounds["since"]), datetime.fromisoformat(bounds["until"])
        found = self.ledger.between(since, until)
        served = self.slice(found, number * limit, limit)
        results = [action(event) if actions else change(event) for event in served.events]
        return Answer(200, {"totalCount": len(found), "results": results})

    def refusal(self, status: int, code: str) -> Answer:
        errors = [{"code": code or "INVALID", "description": "refused", "id": "0", "field": None}]
        return Answer(status, {"httpStatus": status, "errors": errors})


def change(event: Event) -> dict[str, Any]:
    """An entry of a history; the id stands in the note, histories number their entries."""
    date = event.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": 17, "username": "amara", "date": date, "note": event.id, "details": "Updated"}


def action(event: Event) -> dict[str, Any]:
    """An entry of the action log."""
    return {
        "id": event.id,
        "createdTime": event.time.isoformat().replace("+00:00", "Z"),
        "requestor": {"id": "42", "type": "USER", "name": "amara"},
        "actionType": "LOCK",
        "target": {"type": "DEVICE", "id": "88", "name": "MAC-0088", "deviceClass": "COMPUTER", "deviceCount": 1},
    }
