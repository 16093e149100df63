"""Servers of language models, each of which refuses what the vendor's refuses.

Formats: https://docs.claude.com/en/api/messages, https://ai.google.dev/api/generate-content,
https://learn.microsoft.com/azure/ai-services/openai/reference
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request
from mantissa_core.testing.llm_provider import FakeOpenAI


class FakeVendor(FakeHTTP):
    """What the fakes have in common. ``fixed_temperature`` is a model that takes no other temperature than its own."""

    def __init__(self, key: str, *, fixed_temperature: bool = False) -> None:
        super().__init__()
        self.reply, self.input_tokens, self.output_tokens = "nothing", 42, 7
        self.stopped = ""
        self.key, self.fixed_temperature = key, fixed_temperature

    def bodies(self) -> list[Any]:
        return [each.json() for each in self.requests if each.method == "POST"]

    def refused(self, request: Request, answer: Answer) -> Answer:
        """A request that was not accepted does not count as asked."""
        self.requests.remove(request)
        return answer


class FakeAnthropic(FakeVendor):
    def answer(self, request: Request) -> Answer:
        if request.headers.get("x-api-key") != self.key:
            return self.refused(request, _anthropic(401, "authentication_error", f"x-api-key {request.headers}"))
        if request.headers.get("anthropic-version") != "2023-06-01":
            return self.refused(request, _anthropic(400, "invalid_request_error", "anthropic-version is required"))
        if request.method == "GET" and request.route == "/v1/models":
            return Answer(200, {"data": [], "has_more": False})
        if request.method != "POST" or request.route != "/v1/messages":
            return self.refused(request, _anthropic(404, "not_found_error", "no such path"))
        body = request.json()
        if wrong := self._wrong(body):
            return self.refused(request, _anthropic(400, "invalid_request_error", wrong))
        stopped = self.stopped or ("tool_use" if "tools" in body else "end_turn")
        return Answer(200, {
            "id": "msg_01", "type": "message", "role": "assistant", "model": f"{body['model']}-2026",
            "content": self._content(body), "stop_reason": stopped,
            "stop_sequence": None,
            "usage": {"input_tokens": self.input_tokens - 2, "cache_read_input_tokens": 2,
                      "cache_creation_input_tokens": 0, "output_tokens": self.output_tokens},
        })  # fmt: skip

    def asked(self) -> Sequence[str]:
        return [f"{each.get('system', '')} {each['messages'][0]['content']}" for each in self.bodies()]

    def _content(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        text = [{"type": "text", "text": self.reply}]
        if "tools" not in body or self.stopped:
            return text
        try:
            given = json.loads(self.reply)
        except ValueError:
            return text
        return [{"type": "tool_use", "id": "toolu_01", "name": body["tool_choice"]["name"], "input": given}]

    def _wrong(self, body: Mapping[str, Any]) -> str | None:
        if not isinstance(body.get("max_tokens"), int) or not isinstance(body.get("model"), str):
            return "model and max_tokens: Field required"
        if [each.get("role") for each in body.get("messages", [])] != ["user"] or not body["messages"][0]["content"]:
            return "messages: at least one message with content is required"
        if body.get("system") == "":
            return "system: text content blocks must be non-empty"
        if self.fixed_temperature and "temperature" in body:
            return "`temperature` is deprecated for this model."
        for tool in body.get("tools", []):
            if tool.get("input_schema", {}).get("type") != "object":
                return "tools.0.input_schema.type: Field required"
        return None


def _anthropic(status: int, kind: str, message: str) -> Answer:
    return Answer(status, {"type": "error", "error": {"type": kind, "message": message}})


class FakeGemini(FakeVendor):
    """``knows_schemas=False`` is a model that takes no ``responseJsonSchema``."""

    knows_schemas = True

    def answer(self, request: Request) -> Answer:
        if request.headers.get("x-goog-api-key") != self.key:
            return self.refused(request, _google(401, "UNAUTHENTICATED", f"API key not valid: {request.headers}"))
        if request.method == "GET" and request.route == "/v1beta/models/tiny":
            return Answer(200, {"name": "models/tiny"})
        if request.method != "POST" or request.path != "/v1beta/models/tiny:generateContent":
            return self.refused(request, _google(404, "NOT_FOUND", "no such model"))
        if wrong := self._wrong(request.json()):
            return self.refused(request, _google(400, "INVALID_ARGUMENT", wrong))
        usage = {"promptTokenCount": self.input_tokens, "candidatesTokenCount": self.output_tokens - 3,
                 "thoughtsTokenCount": 3, "totalTokenCount": self.input_tokens + self.output_tokens}  # fmt: skip
        if self.stopped == "BLOCKED":
            return Answer(200, {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage})
        parts = [{"text": "Let me think.", "thought": True}, {"text": self.reply}]
        content = {} if self.stopped == "SAFETY" else {"content": {"role": "model", "parts": parts}}
        candidate = {**content, "finishReason": self.stopped or "STOP", "index": 0}
        return Answer(200, {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "tiny-001"})

    def asked(self) -> Sequence[str]:
        return [json.dumps(each, ensure_ascii=False) for each in self.bodies()]

    def _wrong(self, body: Mapping[str, Any]) -> str | None:
        if extra := set(body) - {"contents", "generationConfig", "systemInstruction"}:
            return f'Invalid JSON payload received. Unknown name "{extra.pop()}"'
        parts = [part for each in body.get("contents", []) for part in each.get("parts", [])]
        parts += body.get("systemInstruction", {"parts": [{"text": "x"}]})["parts"]
        if not body.get("contents") or not all(each.get("text") for each in parts):
            return "contents.parts must not be empty."
        how = body.get("generationConfig", {})
        if extra := set(how) - {"temperature", "maxOutputTokens", "responseMimeType", "responseJsonSchema"}:
            return f'Unknown name "{extra.pop()}" at generation_config'
        if "responseJsonSchema" in how and how.get("responseMimeType") != "application/json":
            return "responseJsonSchema needs the response mime type application/json"
        if "responseJsonSchema" in how and not self.knows_schemas:
            return "response schema is not supported by this model"
        if self.fixed_temperature and "temperature" in how:
            return "temperature is not supported"
        return None


def _google(status: int, kind: str, message: str) -> Answer:
    return Answer(status, {"error": {"code": status, "message": message, "status": kind}})


class FakeAzureOpenAI(FakeOpenAI):
    """The chat completions API under a deployment, with the key in ``api-key`` and the version in the query."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key

    def asked(self) -> Sequence[str]:
        return [
            " ".join(f"{each['role']}: {each['content']}" for each in request.json()["messages"])
            for request in self.requests
        ]

    def answer(self, request: Request) -> Answer:
        if request.headers.get("api-key") != self.key:
            return Answer(401, {"error": {"code": "401", "message": f"Access denied: {dict(request.headers)}"}})
        if not request.query.get("api-version"):
            return Answer(404, {"error": {"code": "404", "message": "Resource not found"}})
        if request.method == "GET" and request.route == "/openai/models":
            return Answer(200, {"data": [], "object": "list"})
        if request.route != "/openai/deployments/our%20model/chat/completions":
            return Answer(404, {"error": {"code": "DeploymentNotFound", "message": "no such deployment"}})
        if "model" in request.json():
            return Answer(400, {"error": {"message": "this fake insists: the deployment says which model it is"}})
        named = Request(request.method, "/chat/completions", request.headers, _named(request.body))
        self.requests.remove(request)
        self.requests.append(named)
        answer = super().answer(named)
        if named in self.requests:
            self.requests[self.requests.index(named)] = request
        return answer


def _named(body: bytes) -> bytes:
    return json.dumps({**json.loads(body), "model": "gpt"}).encode()
