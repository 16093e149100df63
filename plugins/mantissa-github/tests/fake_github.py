"""GitHub's audit log over the wire, as far as a collector can tell."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Refused, Request

TOKEN = "ghp_token-of-the-tests"


class FakeGitHub(FakeVendor):
    """One enterprise named ``example`` with one organisation of the same name."""

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {TOKEN}"

    def events(self, request: Request) -> Answer:
        query = request.query
        limit = int(query.get("per_page", "30"))
        if request.route not in {"/enterprises/example/audit-log", "/orgs/example/audit-log"}:
            raise Refused(404)
        if not 1 <= limit <= 100 or query.get("order", "asc") != "asc":
            raise Refused(422)
        since, until = None, None
        if "phrase" in query:
            first, last = query["phrase"].removeprefix("created:").split("..")
            since, until = datetime.fromisoformat(first), datetime.fromisoformat(last) + timedelta(seconds=1)
        served = self.page(self.ledger.between(since, until), query.get("after"), limit)
        links = f'<{self.url}{request.path}>; rel="first"'
        if served.cursor is not None:
            target = f"{self.url}{request.route}?{urlencode({**query, 'after': served.cursor, 'before': ''})}"
            links = f'<{target}>; rel="next", {links}'
        headers = {"Link": links, "X-GitHub-Request-Id": f"AB12:{len(self.requests)}"}
        return Answer(200, [record(event) for event in served.events], headers)

    def refusal(self, status: int, code: str) -> Answer:
        return Answer(status, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"})


def record(event: Event) -> dict[str, Any]:
    """An event as GitHub sends it."""
    moment = int(event.time.timestamp() * 1000)
    return {
        "@timestamp": moment,
        "_document_id": event.id,
        "action": "repo.create",
        "actor": "amara",
        "actor_id": 1001,
        "actor_ip": "203.0.113.17",
        "created_at": moment,
        "org": "example",
        "repo": "example/site",
    }
