"""Acme's chat API, as far as a sink can tell; it refuses what Acme refuses."""

from __future__ import annotations

from collections.abc import Sequence

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request

TOKEN = "s3cret-of-the-tests"
CHANNEL = "C/42"
PATH = "/v1/channels/C%2F42"
LONGEST = 4000


class FakeAcme(FakeHTTP):
    """One channel. A message whose key was seen is dropped, and answered as the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}

    def messages(self) -> Sequence[str]:
        """What people see."""
        return list(self.texts.values())

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"error": f"no such token: {request.headers.get('authorization')}"})
        if (request.method, request.path) == ("GET", PATH):
            return Answer(200, {"id": CHANNEL})
        if (request.method, request.path) != ("POST", f"{PATH}/messages"):
            return Answer(404, {"error": "no such channel"})
        text = request.json()["text"]
        if not 0 < len(text) <= LONGEST:
            return Answer(422, {"error": f"a text of {len(text)} characters"})
        key = request.headers["idempotency-key"]
        self.texts.setdefault(key, text)
        return Answer(201, {"id": f"message-{list(self.texts).index(key)}"})
