"""Acme's API of accounts, as far as an action can tell; it refuses what Acme refuses."""

from __future__ import annotations

from urllib.parse import unquote

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request

TOKEN = "s3cret-of-the-tests"
USER = "alice@example.com"


class FakeAcme(FakeHTTP):
    """Keeps the status of accounts, and the answer to each key."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts = {USER: "active", "bob@example.com": "active", "admin@example.com": "active"}
        self.answers: dict[str, Answer] = {}
        self.changes = 0

    def state(self) -> object:
        return dict(self.accounts)

    def effects(self) -> int:
        return self.changes

    def place(self) -> None:
        """Somebody else disables the user."""
        self.accounts[USER] = "disabled"

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"error": f"no such token: {request.headers.get('authorization')}"})
        if request.path == "/v1/me":
            return Answer(200, {"name": "mantissa"})
        user = unquote(request.path).removeprefix("/v1/users/").removesuffix("/status")
        if user not in self.accounts:
            return Answer(404, {"error": "no such user"})
        if request.method == "GET":
            return Answer(200, {"status": self.accounts[user]})
        key = request.headers["idempotency-key"]
        if key not in self.answers:
            self.answers[key] = self._set(user, request.json()["status"])
        return self.answers[key]

    def _set(self, user: str, status: str) -> Answer:
        previous, self.accounts[user] = self.accounts[user], status
        self.changes += previous != status
        return Answer(200, {"previous": previous})
