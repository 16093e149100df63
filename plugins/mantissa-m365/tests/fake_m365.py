"""The Management Activity API over the wire, as far as a collector can tell. Each event is content of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from mantissa_core.testing.fake_tokens import FakeTokens
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request

TENANT = "41463f53-8812-40f4-890f-865bf6e35190"
CLIENT, SECRET = "0f0d1d2e-0000-4000-8000-000000000001", "secret-value-of-the-tests"
TYPES = {"Audit.AzureActiveDirectory", "Audit.Exchange", "Audit.SharePoint", "Audit.General", "DLP.All"}
NOW = datetime(2025, 3, 5, tzinfo=UTC)


class FakeM365(FakeVendor):
    """One tenant. ``bodies`` replaces what the content of an event holds, ``gone`` has expired.

    ``unseen`` subscriptions were started a moment ago and are not known everywhere.

    Content becomes available when its event happens, unless the ledger says otherwise.
    """

    faults = frozenset(Fault)
    limit_headers = None

    def __init__(self) -> None:
        super().__init__()
        self.tokens = FakeTokens(CLIENT, SECRET)
        self.subscriptions = dict.fromkeys(TYPES, "enabled")
        self.started: list[str] = []
        self.bodies: dict[str, Any] = {}
        self.gone: set[str] = set()
        self.unseen: set[str] = set()
        self.elsewhere = ""
        self.now = NOW

    def other(self, request: Request) -> Answer | None:
        if request.route != f"/{TENANT}/oauth2/v2.0/token":
            return None
        if request.form.get("scope") != f"{self.url}/.default":
            return Answer(400, {"error": "invalid_scope"})
        return self.tokens.answer(request)

    def authorised(self, request: Request) -> bool:
        return self.tokens.accepts(request)

    def lapse(self) -> None:
        self.tokens.lapse()

    def events(self, request: Request) -> Answer:
        root = f"/api/v1.0/{TENANT}/activity/feed"
        query, route = request.query, request.route
        if not route.startswith(root):
            raise Refused(400, "AF20010")
        if "PublisherIdentifier" not in query:
            raise Refused(429, "AF429")
        if route == f"{root}/subscriptions/list":
            return Answer(200, [{"contentType": name, "status": each} for name, each in self.subscriptions.items()])
        if route == f"{root}/subscriptions/start" and request.method == "POST":
            return self._start(query["contentType"])
        if route == f"{root}/subscriptions/content":
            return self._list(query)
        return self._content(route.removeprefix(f"{root}/audit/"))

    def refusal(self, status: int, code: str) -> Answer:
        return Answer(status, {"error": {"code": code or f"AF{status}", "message": "refused"}})

    def _start(self, name: str) -> Answer:
        if self.subscriptions.get(name) == "enabled":
            raise Refused(400, "AF20024")
        self.subscriptions[name] = "enabled"
        self.started.append(name)
        return Answer(200, {"contentType": name, "status": "enabled", "webhook": None})

    def _list(self, query: dict[str, str]) -> Answer:
        name = query["contentType"]
        if name not in TYPES:
            raise Refused(400, "AF20020")
        if name not in self.subscriptions or name in self.unseen:
            raise Refused(400, "AF20022")
        if self.subscriptions[name] != "enabled":
            raise Refused(400, "AF20023")
        start, end = (
            datetime.strptime(query[each], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC) for each in ("startTime", "endTime")
        )
        if not timedelta(0) < end - start <= timedelta(hours=24) or start < self.now - timedelta(days=7):
            raise Refused(400, "AF20030")
        page = query.get("nextPage")
        if page is not None and not self.knows(page):
            raise Refused(400, "AF20031")
        served = self.page(self.ledger.between(start, end), page, self.page_size)
        listed = [self._entry(event, name) for event in served.events]
        if served.cursor is None:
            return Answer(200, listed)
        address = f"{self.url}/api/v1/{TENANT}/activity/feed/subscriptions/content?nextPage={served.cursor}"
        return Answer(200, listed, {"NextPageUri": address})

    def _entry(self, event: Event, name: str) -> dict[str, str]:
        created = event.time.isoformat().replace("+00:00", "Z")
        address = f"{self.elsewhere or self.url}/api/v1.0/{TENANT}/activity/feed/audit/{quote(event.id)}$1$04"
        return {"contentType": name, "contentId": f"{event.id}$1$04", "contentUri": address, "contentCreated": created}

    def _content(self, name: str) -> Answer:
        wanted = name.removesuffix("$1$04")
        if wanted in self.gone:
            raise Refused(400, "AF20051")
        found = [event for event in self.ledger.between() if event.id == wanted]
        if not found:
            raise Refused(404, "AF20050")
        return Answer(200, self.bodies.get(wanted, [record(found[0])]))


def record(event: Event) -> dict[str, Any]:
    """An event as Microsoft sends it: it happened hours before its content became available."""
    return {
        "CreationTime": (event.time - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S"),
        "Id": event.id,
        "Operation": "UserLoggedIn",
        "OrganizationId": TENANT,
        "RecordType": 15,
        "ResultStatus": "Success",
        "UserKey": "10032000A0000001",
        "UserType": 0,
        "Version": 1,
        "Workload": "AzureActiveDirectory",
        "ClientIP": "203.0.113.17",
        "UserId": "amara@example.com",
    }
