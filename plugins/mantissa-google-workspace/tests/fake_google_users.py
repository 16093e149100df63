"""Google Workspace's directory over the wire: one user, what is asked for of it, 403 about the domains of others."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from fake_google_workspace import Assertions, key_file
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request

SCOPE = "https://www.googleapis.com/auth/admin.directory.user.readonly"
AMARA = "amara@example.com"
PATH = "/admin/directory/v1/users/"


class FakeGoogleUsers(FakeHTTP):
    """A customer with the domain example.com. ``refusal`` is a reason for which everything is refused."""

    retry_after = 1

    def __init__(self) -> None:
        super().__init__()
        self.tokens = Assertions(SCOPE)
        self.refusal = ""
        self.user: dict[str, Any] = {
            "name": {"fullName": "Amara Okafor", "givenName": "Amara"},
            "organizations": [
                {"title": "Trainee", "department": "Sales", "primary": False},
                {"title": "Accountant", "department": "Finance", "primary": True},
            ],
            "relations": [{"value": "noor@example.com", "type": "manager"}],
            "suspended": False,
            "isAdmin": True,
            "isDelegatedAdmin": False,
            "isEnrolledIn2Sv": True,
            "lastLoginTime": "2026-03-04T08:15:00.000Z",
            "orgUnitPath": "/Finance",
            "recoveryPhone": "+12025550100",
        }

    @property
    def key(self) -> dict[str, str]:
        """The service account's key file."""
        return key_file(self.url)

    def respond(self, request: Request) -> Answer:
        return self.tokens.answer(request) if request.route == "/token" else super().respond(request)

    def answer(self, request: Request) -> Answer:
        if not self.tokens.accepts(request):
            return _refused(401, "authError")
        if self.refusal:
            return _refused(403, self.refusal)
        address = unquote(request.route.removeprefix(PATH))
        if not request.route.startswith(PATH) or "/" in address:
            return _refused(404, "notFound")
        if not address.endswith("@example.com"):
            return _refused(403, "forbidden")
        if address not in {AMARA, "amara.o@example.com", "admin@example.com"}:
            return _refused(404, "notFound")
        fields = request.query["fields"]
        return Answer(200, {name: value for name, value in self.user.items() if name in fields})


def _refused(status: int, reason: str) -> Answer:
    errors = [{"domain": "global", "reason": reason, "message": "refused"}]
    return Answer(status, {"error": {"code": status, "message": "refused", "errors": errors}})
