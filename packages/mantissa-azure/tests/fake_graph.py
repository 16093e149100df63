"""Microsoft Graph's logs and Entra ID's token endpoint over the wire, as far as a collector can tell."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from mantissa_core.testing.fake_tokens import FakeTokens
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request

TENANT = "00000000-0000-0000-0000-00000000000e"
CLIENT = "00000000-0000-0000-0000-0000000000c1"
SECRET = "secret-of-the-tests"
TOKENS = f"/{TENANT}/oauth2/v2.0/token"
TIMES = {
    "/v1.0/auditLogs/signIns": ("createdDateTime", 1000),
    "/v1.0/auditLogs/directoryAudits": ("activityDateTime", 1000),
    "/v1.0/identityProtection/riskDetections": ("detectedDateTime", 500),
    "/beta/auditLogs/signIns": ("createdDateTime", 1000),
}
"""For each log the property that can be filtered, and the largest page."""
_FILTER = re.compile(r"(\w+) ge (\S+Z) and (\w+) le (\S+Z)(?: and signInEventTypes/any\(t: t eq '(\w+)'\))?")


class FakeGraph(FakeVendor):
    """One tenant, in which the application has all permissions but those in ``refused``: paths, with error codes."""

    faults = frozenset(Fault)
    limit_headers = None

    def __init__(self) -> None:
        super().__init__()
        self.tokens = FakeTokens(CLIENT, SECRET)
        self.refused: dict[str, str] = {}

    def authorised(self, request: Request) -> bool:
        return self.tokens.accepts(request)

    def other(self, request: Request) -> Answer | None:
        if request.method != "POST":
            return None
        if request.route != TOKENS or request.form.get("scope") != f"{self.url}/.default":
            return Answer(400, {"error": "invalid_request", "error_description": "AADSTS90002: no such tenant"})
        return self.tokens.answer(request)

    def lapse(self) -> None:
        self.tokens.lapse()

    def events(self, request: Request) -> Answer:
        if request.route not in TIMES:
            raise Refused(404, "ResourceNotFound")
        if request.route in self.refused:
            raise Refused(403, self.refused[request.route])
        query, (time, most) = request.query, TIMES[request.route]
        since, until = self._bounds(query.get("$filter"), time)
        limit = int(query.get("$top", most))
        if not 1 <= limit <= most:
            raise Refused(400, "BadRequest")
        served = self.page(self.ledger.between(since, until), query.get("$skiptoken"), limit)
        body: dict[str, Any] = {"value": [record(event, time) for event in served.events]}
        if served.cursor is not None:
            body["@odata.nextLink"] = f"{self.url}{request.route}?{urlencode({**query, '$skiptoken': served.cursor})}"
        return Answer(200, body, {"request-id": f"{len(self.requests):08d}"})

    def refusal(self, status: int, code: str) -> Answer:
        code = code or {401: "InvalidAuthenticationToken", 429: "TooManyRequests"}.get(status, "UnknownError")
        after = {"Retry-After": "17"} if status == 429 else {}
        return Answer(status, {"error": {"code": code, "message": "refused"}}, {"request-id": "0000-1", **after})

    @staticmethod
    def _bounds(text: str | None, time: str) -> tuple[datetime | None, datetime | None]:
        if text is None:
            return None, None
        found = _FILTER.fullmatch(text)
        if found is None or (found[1], found[3]) != (time, time):
            raise Refused(400, "BadRequest")
        until = datetime.fromisoformat(found[4]) + timedelta(microseconds=1)
        return datetime.fromisoformat(found[2]), until


def record(event: Event, time: str) -> dict[str, Any]:
    """An event as Graph gives it."""
    moment = event.time.isoformat().replace("+00:00", "Z")
    if time == "createdDateTime":
        return {"id": event.id, time: moment, "userPrincipalName": "amara@example.com", "status": {"errorCode": 50126}}
    if time == "activityDateTime":
        return {"id": event.id, time: moment, "activityDisplayName": "Add user", "category": "UserManagement"}
    return {"id": event.id, time: moment, "riskEventType": "unfamiliarFeatures", "riskState": "atRisk"}
