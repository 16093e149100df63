"""Acme's chat API, as far as a provider can tell; it refuses what Acme refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request

TOKEN = "s3cret-of-the-tests"
MODEL = "acme-small"


class FakeAcme(FakeHTTP):
    """A server with one model, which answers ``reply``."""

    def __init__(self) -> None:
        super().__init__()
        self.reply, self.input_tokens, self.output_tokens = "nothing", 42, 7
        self.chats: list[dict[str, Any]] = []

    def asked(self) -> Sequence[str]:
        """The messages of every accepted prompt."""
        return [" ".join(f"{each['role']}: {each['text']}" for each in chat["messages"]) for chat in self.chats]

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"error": f"no such token: {request.headers.get('authorization')}"})
        if (request.method, request.path) == ("GET", f"/v1/models/{MODEL}"):
            return Answer(200, {"model": MODEL})
        if (request.method, request.path) != ("POST", "/v1/chat"):
            return Answer(404, {"error": "no such model"})
        chat = request.json()
        if chat["model"] != MODEL or not all(each["text"] for each in chat["messages"]):
            return Answer(400, {"error": "another model, or an empty message"})
        self.chats.append(chat)
        usage = {"read": self.input_tokens, "written": self.output_tokens}
        return Answer(200, {"model": MODEL, "text": self.reply, "usage": usage})
