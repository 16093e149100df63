"""Okta's directory over the wire: who there is, by login or id, with groups and factors."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request

TOKEN = "00token-of-the-tests"
AMARA = "00u1amara"


class FakeOktaUsers(FakeHTTP):
    """One organisation with amara in it. ``denied`` are the last parts of paths that the token may not read."""

    retry_after = 1

    def __init__(self) -> None:
        super().__init__()
        self.denied: set[str] = set()
        self.user: dict[str, Any] = {
            "id": AMARA,
            "status": "ACTIVE",
            "lastLogin": "2026-03-04T08:15:00.000Z",
            "profile": {
                "login": "amara@example.com",
                "firstName": "Amara",
                "lastName": "Okafor",
                "title": "Accountant",
                "department": "Finance",
                "manager": "Noor Haddad",
                "mobilePhone": "+1 202 555 0100",
            },
            "credentials": {"recovery_question": {"question": "of no concern"}},
        }
        self.groups = [{"id": "00g1", "profile": {"name": "Everyone"}}, {"id": "00g2", "profile": {"name": "Finance"}}]
        self.factors: list[dict[str, Any]] = [{"id": "ufs1", "factorType": "push", "status": "ACTIVE"}]

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"SSWS {TOKEN}":
            return _refused(401, "E0000011")
        parts = [unquote(part) for part in request.route.split("/")]
        if request.method != "GET" or parts[:4] != ["", "api", "v1", "users"] or len(parts) > 6:
            return _refused(404, "E0000022")
        if parts[-1] in self.denied:
            return _refused(403, "E0000006")
        if len(parts) == 4:
            return Answer(200, [self.user])
        if parts[4] == "me":
            return Answer(200, {**self.user, "profile": {"login": "owner@example.com", "firstName": "Owner"}})
        if parts[4] not in {AMARA, "amara@example.com", "amara"}:
            return _refused(404, "E0000007")
        lists: dict[str, Any] = {"groups": self.groups, "factors": self.factors}
        if len(parts) == 6:
            return Answer(200, lists[parts[5]]) if parts[5] in lists else _refused(404, "E0000022")
        return Answer(200, self.user)


def _refused(status: int, code: str) -> Answer:
    body = {"errorCode": code, "errorSummary": "refused", "errorLink": code, "errorId": "oae1", "errorCauses": []}
    return Answer(status, body, {"X-Okta-Request-Id": "req-1"})
