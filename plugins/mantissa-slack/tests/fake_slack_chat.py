"""Slack's Web API and incoming webhooks over the wire, with the limits of Block Kit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Fault, Request

TOKEN = "xoxb-000000000000-secret-of-the-tests"
HOOK = "/services/T00000000/B00000000/secret-of-the-tests"
CHANNEL = "C0123456789"
LIMITS = {"header": 150, "section": 3000, "context": 2000}
LARGEST = 13_000
"""Characters of all blocks of a message."""
_OUR_LINK = re.compile(r"<https://attack\.mitre\.org/techniques/T[0-9/]+\|T[0-9.]+>")


class FakeSlackChat(FakeHTTP):
    """One workspace with one channel. ``posts`` holds its messages, replies included, oldest first."""

    faults = frozenset(Fault) - {Fault.REDIRECT}

    def __init__(self) -> None:
        super().__init__()
        self.posts: list[dict[str, Any]] = []
        self.refusal = ""
        self.scopes = {"channels:read", "groups:read"}
        self.channels = [("C0123456789", "general", False), ("G0000000001", "sec-private", True)]

    def messages(self) -> list[str]:
        """What people see in the channel and its threads."""
        return [json.dumps({**each, "metadata": None}, ensure_ascii=False) for each in self.posts]

    def answer(self, request: Request) -> Answer:
        if request.route.startswith("/services/"):
            return self._hook(request)
        method = request.route.removeprefix("/api/")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(200, {"ok": False, "error": "invalid_auth"})
        if self.refusal:
            return Answer(200, {"ok": False, "error": self.refusal})
        return Answer(200, getattr(self, "_" + method.replace(".", "_"))(request))

    def _hook(self, request: Request) -> Answer:
        if request.route != HOOK or self.refusal:
            return Answer(
                404 if self.refusal == "channel_not_found" else 403, (self.refusal or "invalid_token").encode()
            )
        if next(_problems(request.json()), None):
            return Answer(400, b"invalid_blocks")
        self._keep(request.json())
        return Answer(200, b"ok", {"Content-Type": "text/html"})

    def _auth_test(self, _request: Request) -> dict[str, Any]:
        return {"ok": True, "user": "mantissa"}

    def _chat_postMessage(self, request: Request) -> dict[str, Any]:  # noqa: N802  # as Slack's method
        body = request.json()
        if body.get("channel") != CHANNEL:
            return {"ok": False, "error": "channel_not_found"}
        if problem := next(_problems(body), None):
            return {"ok": False, "error": problem}
        return {"ok": True, "channel": CHANNEL, "ts": self._keep(body)}

    def _chat_update(self, request: Request) -> dict[str, Any]:
        body = request.json()
        for each in self.posts:
            if each["ts"] == body["ts"]:
                each.update({"text": body["text"], "attachments": body["attachments"]})
                return {"ok": True, "channel": CHANNEL, "ts": body["ts"]}
        return {"ok": False, "error": "message_not_found"}

    def _conversations_history(self, request: Request) -> dict[str, Any]:
        return self._listed(request, None)

    def _conversations_replies(self, request: Request) -> dict[str, Any]:
        return self._listed(request, request.query["ts"])

    def _conversations_list(self, request: Request) -> dict[str, Any]:
        """Pages of ``limit`` channels, of which the archived ones are taken out afterwards."""
        types = request.query["types"].split(",")
        needed = {"public_channel": "channels:read", "private_channel": "groups:read"}
        for each in types:
            if needed[each] not in self.scopes:
                return {"ok": False, "error": "missing_scope", "needed": needed[each], "provided": "chat:write"}
        limit, start = int(request.query["limit"]), int(request.query.get("cursor", 0) or 0)
        if not 0 < limit < 1000:
            return {"ok": False, "error": "invalid_limit"}
        page = self.channels[start : start + limit]
        more = str(start + limit) if start + limit < len(self.channels) else ""
        wanted = [each for each in page if ("private_channel" if each[2] else "public_channel") in types]
        shown = [{"id": id_, "name": name, "is_private": private} for id_, name, private in wanted]
        return {"ok": True, "channels": shown, "response_metadata": {"next_cursor": more}}

    def _listed(self, request: Request, thread: str | None) -> dict[str, Any]:
        if request.query["channel"] != CHANNEL:
            return {"ok": False, "error": "channel_not_found"}
        with_metadata = request.query.get("include_all_metadata") == "true"
        found = [each for each in reversed(self.posts) if each.get("thread_ts") == thread or each["ts"] == thread]
        hidden = () if with_metadata else ("metadata",)
        shown = [{name: value for name, value in each.items() if name not in hidden} for each in found]
        return {"ok": True, "messages": shown[: int(request.query["limit"])]}

    def _keep(self, body: dict[str, Any]) -> str:
        ts = f"17410797{len(self.posts):02}.000100"
        self.posts.append({**body, "ts": ts})
        return ts


def _problems(body: dict[str, Any]) -> Iterator[str]:
    if not body.get("text") and not body.get("attachments"):
        yield "no_text"
    blocks = [block for each in body.get("attachments", ()) for block in each["blocks"]]
    if len(blocks) > 50:
        yield "invalid_blocks"
    total = 0
    for block in blocks:
        texts = block.get("elements") or [block["text"]]
        for text in texts:
            total += len(text["text"])
            if not text["text"] or len(text["text"]) > LIMITS[block["type"]]:
                yield "invalid_blocks"
            if text["type"] == "mrkdwn" and re.search(r"[<>]|&(?!amp;|lt;|gt;)", _OUR_LINK.sub("", text["text"])):
                yield "something_that_is_no_text"
    if total > LARGEST:
        yield "msg_blocks_too_long"
