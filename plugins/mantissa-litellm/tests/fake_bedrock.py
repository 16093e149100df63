"""Bedrock's Converse. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request


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
        if request.method != "POST" or unquote(request.route) != "/model/global.anthropic.claude-sonnet-4-6/converse":
            self.requests.remove(request)
            return Answer(404, {"message": f"no model at {request.route}"})
        body = request.json()
        if not body.get("messages") or any(not part.get("text") for part in body.get("system", [])):
            self.requests.remove(request)
            return Answer(400, {"message": "messages and non-empty system texts are required"})
        return Answer(
            200,
            {
                "output": {"message": {"role": "assistant", "content": [self._content(body)]}},
                "stopReason": self.stopped,
                "usage": {
                    "inputTokens": self.input_tokens,
                    "outputTokens": self.output_tokens,
                    "totalTokens": self.input_tokens + self.output_tokens,
                },
                "metrics": {"latencyMs": 1},
            },
        )

    def _content(self, body: dict[str, Any]) -> dict[str, Any]:
        tools = body.get("toolConfig", {}).get("tools", [])
        try:
            given = json.loads(self.reply) if tools else None
        except ValueError:
            given = None
        if not isinstance(given, dict):
            return {"text": self.reply}
        return {"toolUse": {"toolUseId": "t1", "name": tools[0]["toolSpec"]["name"], "input": given}}
