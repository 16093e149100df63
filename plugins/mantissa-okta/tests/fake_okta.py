"""Okta's System Log over the wire, as far as a collector can tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from mantissa_core.testing.fake_vendor import Answer, FakeVendor, Fault, Refused, Request


class FakeOkta(FakeVendor):
    """One organisation. ``always_link``: a next link even at the end; ``link`` replaces every next link."""

    faults = FakeVendor.faults - {Fault.EMPTY_PAGE}  # Okta's way to say that the log ends here
    limit_headers = ("X-Rate-Limit-Remaining", "X-Rate-Limit-Reset")

    def __init__(self, token: str = "00token-of-the-tests", *, always_link: bool = False) -> None:
        super().__init__()
        self.token, self.always_link = token, always_link
        self.link: str | None = None

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"SSWS {self.token}"

    def events(self, request: Request) -> Answer:
        query = request.query
        limit = int(query.get("limit", "100"))
        if request.route != "/api/v1/logs":
            raise Refused(404, "E0000022")
        if not 0 <= limit <= 1000:
            raise Refused(400, "E0000001")
        since, until = (datetime.fromisoformat(query[name]) if name in query else None for name in ("since", "until"))
        served = self.page(self.ledger.between(since, until), query.get("after"), limit, always=self.always_link)
        links = f'<{self.url}{request.path}>; rel="self"'
        if served.cursor is not None:
            target = self.link or f"{self.url}/api/v1/logs?{urlencode({**query, 'after': served.cursor})}"
            links += f', <{target}>; rel="next"'
        records = [record(event.id, event.time) for event in served.events]
        return Answer(200, records, {"Link": links, "X-Okta-Request-Id": f"req-{len(self.requests)}"})

    def refusal(self, status: int, code: str) -> Answer:
        body = {"errorCode": code or _CODES[status], "errorSummary": "refused", "errorId": "oae1", "errorCauses": []}
        return Answer(status, body, {"X-Okta-Request-Id": f"req-{len(self.requests)}"})


_CODES = {400: "E0000001", 401: "E0000011", 429: "E0000047", 500: "E0000009"}


def record(uuid: str, published: datetime) -> dict[str, Any]:
    """An event as Okta sends it."""
    return {
        "uuid": uuid,
        "published": published.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventType": "user.session.start",
        "version": "0",
        "severity": "INFO",
        "displayMessage": "User login to Okta",
        "actor": {"id": "00u1", "type": "User", "alternateId": "amara@example.com", "displayName": "Amara Okafor"},
        "client": {"ipAddress": "203.0.113.17", "device": "Computer", "zone": "null"},
        "outcome": {"result": "SUCCESS", "reason": None},
        "debugContext": {"debugData": {"requestUri": "/idp/idx/identify"}},
        "target": None,
    }
