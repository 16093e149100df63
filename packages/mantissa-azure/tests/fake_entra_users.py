"""Entra ID's directory over the wire, by Microsoft Graph: users by id or name, what is selected of them and no more."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from fake_graph import CLIENT, SECRET, TOKENS
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request
from mantissa_core.testing.fake_tokens import FakeTokens

AMARA = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
NAME = "amara@example.com"
ROUTES = ("/v1.0/users", "/v1.0/reports/authenticationMethods/userRegistrationDetails")


class FakeEntraUsers(FakeHTTP):
    """One tenant with amara in it. ``denied`` are paths that end so, with the code of the refusal."""

    retry_after = 1

    def __init__(self) -> None:
        super().__init__()
        self.tokens = FakeTokens(CLIENT, SECRET)
        self.denied: dict[str, str] = {}
        self.user: dict[str, Any] = {
            "id": AMARA,
            "displayName": "Amara Okafor",
            "jobTitle": "Accountant",
            "department": "Finance",
            "accountEnabled": True,
            "userType": "Member",
            "mobilePhone": "+1 202 555 0100",
        }
        self.manager: dict[str, Any] | None = {"id": "1", "displayName": "Noor Haddad", "mail": "noor@example.com"}
        self.groups: list[dict[str, Any]] = [
            {"@odata.type": "#microsoft.graph.group", "id": "g1", "displayName": "Finance"},
            {"@odata.type": "#microsoft.graph.group", "id": "g2", "displayName": None},
            {"@odata.type": "#microsoft.graph.directoryRole", "id": "r1", "displayName": "Global Reader"},
            {"@odata.type": "#microsoft.graph.administrativeUnit", "id": "u1", "displayName": "Oslo"},
        ]
        self.registration: dict[str, Any] | None = {"id": AMARA, "isMfaRegistered": True}

    def respond(self, request: Request) -> Answer:
        if request.method == "POST" and request.route == TOKENS:
            return self.tokens.answer(request)
        return super().respond(request)

    def answer(self, request: Request) -> Answer:
        if not self.tokens.accepts(request):
            return _refused(401, "InvalidAuthenticationToken")
        route = unquote(request.route)
        for end, code in self.denied.items():
            if route.endswith(end) or end in request.query.get("$select", ""):
                return _refused(403, code)
        if route == ROUTES[0]:
            return Answer(200, {"value": [{"id": AMARA}]})
        if route == f"{ROUTES[1]}/{AMARA}" and self.registration is not None:
            return Answer(200, self.registration)
        if route == f"{ROUTES[0]}/{AMARA}/memberOf":
            return Answer(200, {"value": self.groups[: int(request.query["$top"])]})
        if route in {f"{ROUTES[0]}/{AMARA}", f"{ROUTES[0]}/{NAME}"}:
            return self._user(request, by_id=route.endswith(AMARA))
        return _refused(404, "Request_ResourceNotFound")

    def _user(self, request: Request, *, by_id: bool) -> Answer:
        wanted = request.query["$select"].split(",")
        if "signInActivity" in wanted and not by_id:
            return _refused(400, "Request_BadRequest")
        everything = {**self.user, "signInActivity": {"lastSignInDateTime": "2026-03-04T08:15:00Z"}}
        body = {name: everything[name] for name in wanted}
        if self.manager is not None and request.query.get("$expand") == "manager($select=displayName)":
            body["manager"] = {"@odata.type": "#microsoft.graph.user", "displayName": self.manager["displayName"]}
        return Answer(200, body)


def _refused(status: int, code: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": "refused"}}, {"request-id": "0000-1"})
