"""Bedrock's Converse and ConverseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and …_ConverseStream.html; the
frames of a stream: https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote
from zlib import crc32

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request
from mantissa_core.testing.sse import cut, halves

_MODEL = "/model/global.anthropic.claude-sonnet-4-6"


class FakeBedrock(FakeHTTP):
    """Takes signed requests for one model."""

    def __init__(self) -> None:
        super().__init__()
        self.reply, self.input_tokens, self.output_tokens = "nothing", 42, 7
        self.stopped = "end_turn"

    def asked(self) -> Sequence[str]:
        return [json.dumps(each.json(), ensure_ascii=False) for each in self.requests]

    def answer(self, request: Request) -> Answer:
        if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential="):
            self.requests.remove(request)
            return Answer(403, {"message": "Missing Authentication Token"})
        route = unquote(request.route)
        if request.method != "POST" or route not in (f"{_MODEL}/converse", f"{_MODEL}/converse-stream"):
            self.requests.remove(request)
            return Answer(404, {"message": f"no model at {request.route}"})
        body = request.json()
        if not body.get("messages") or any(not part.get("text") for part in body.get("system", [])):
            self.requests.remove(request)
            return Answer(400, {"message": "messages and non-empty system texts are required"})
        if route.endswith("-stream"):
            kind = {"Content-Type": "application/vnd.amazon.eventstream"}
            return Answer(200, cut(self.frames(body)), kind)
        return Answer(
            200,
            {
                "output": {"message": {"role": "assistant", "content": [self._content(body)]}},
                "stopReason": self.stopped,
                "usage": self.usage(),
                "metrics": {"latencyMs": 1},
            },
        )

    def usage(self) -> dict[str, int]:
        total = self.input_tokens + self.output_tokens
        return {"inputTokens": self.input_tokens, "outputTokens": self.output_tokens, "totalTokens": total}

    def frames(self, body: dict[str, Any]) -> Iterator[bytes]:
        """The events of a streamed answer; its counts come behind its end."""
        content = self._content(body)
        yield frame("messageStart", {"role": "assistant"})
        if call := content.get("toolUse"):
            named = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
            yield frame("contentBlockStart", {"start": named, "contentBlockIndex": 0})
            deltas: list[Any] = [{"toolUse": {"input": each}} for each in halves(json.dumps(call["input"]))]
        else:
            deltas = [{"text": each} for each in halves(content["text"])]
        for delta in deltas:
            yield frame("contentBlockDelta", {"delta": delta, "contentBlockIndex": 0})
        yield frame("contentBlockStop", {"contentBlockIndex": 0})
        stopped = "tool_use" if call and self.stopped == "end_turn" else self.stopped
        yield frame("messageStop", {"stopReason": stopped})
        yield frame("metadata", {"usage": self.usage(), "metrics": {"latencyMs": 1}})

    def _content(self, body: dict[str, Any]) -> dict[str, Any]:
        tools = body.get("toolConfig", {}).get("tools", [])
        try:
            given = json.loads(self.reply) if tools else None
        except ValueError:
            given = None
        if not isinstance(given, dict):
            return {"text": self.reply}
        return {"toolUse": {"toolUseId": "t1", "name": tools[0]["toolSpec"]["name"], "input": given}}


def frame(kind: str, document: Any, message_type: str = "event") -> bytes:
    """A message of the event stream encoding: lengths and their checksum, headers, payload, checksum of all."""
    payload = json.dumps(document, ensure_ascii=False).encode()
    name = ":event-type" if message_type == "event" else ":exception-type"
    headers = b"".join(
        struct.pack("!B", len(key)) + key.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for key, value in ((name, kind), (":content-type", "application/json"), (":message-type", message_type))
    )
    prelude = struct.pack("!II", len(headers) + len(payload) + 16, len(headers))
    begun = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return begun + struct.pack("!I", crc32(begun))
