"""Servers of language models, each of which refuses what the vendor's refuses.

Formats: https://docs.claude.com/en/api/messages, https://ai.google.dev/api/generate-content,
https://learn.microsoft.com/azure/ai-services/openai/reference
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request
from mantissa_core.testing.llm_provider import FakeOpenAI
from mantissa_core.testing.sse import cut, event, halves


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
        if body.get("stream"):
            return Answer(200, cut(self.events(body, stopped)))
        return Answer(200, {
            "id": "msg_01", "type": "message", "role": "assistant", "model": f"{body['model']}-2026",
            "content": self._content(body), "stop_reason": stopped,
            "stop_sequence": None,
            "usage": {"input_tokens": self.input_tokens - 2, "cache_read_input_tokens": 2,
                      "cache_creation_input_tokens": 0, "output_tokens": self.output_tokens},
        })  # fmt: skip

    def events(self, body: Mapping[str, Any], stopped: str) -> Iterator[bytes]:
        """A thought, the answer, pings in between; ``message_start`` counts one token written, as the real one does."""
        usage = {"input_tokens": self.input_tokens - 2, "cache_read_input_tokens": 2, "output_tokens": 1}
        start = {"id": "msg_01", "type": "message", "role": "assistant", "content": [], "stop_reason": None}
        yield self.event("message_start", message={**start, "model": f"{body['model']}-2026", "usage": usage})
        yield self.event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""})
        yield self.event("ping")
        yield self.event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Hm."})
        yield self.event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "x"})
        yield self.event("content_block_stop", index=0)
        [block] = self._content(body)
        if block["type"] == "tool_use":
            yield self.event("content_block_start", index=1, content_block={**block, "input": {}})
            for each in ("", *halves(json.dumps(block["input"], ensure_ascii=False))):
                yield self.event(
                    "content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": each}
                )
        else:
            yield self.event("content_block_start", index=1, content_block={"type": "text", "text": ""})
            for each in halves(block["text"]):
                yield self.event("content_block_delta", index=1, delta={"type": "text_delta", "text": each})
        yield self.event("content_block_stop", index=1)
        ended = {"stop_reason": stopped, "stop_sequence": None}
        yield self.event("message_delta", delta=ended, usage={"output_tokens": self.output_tokens})
        yield self.event("message_stop")

    def event(self, kind: str, **more: Any) -> bytes:
        return event({"type": kind, **more}, kind)

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
        streamed = request.path == "/v1beta/models/tiny:streamGenerateContent?alt=sse"
        if request.method != "POST" or not (streamed or request.path == "/v1beta/models/tiny:generateContent"):
            return self.refused(request, _google(404, "NOT_FOUND", "no such model"))
        if wrong := self._wrong(request.json()):
            return self.refused(request, _google(400, "INVALID_ARGUMENT", wrong))
        usage = {"promptTokenCount": self.input_tokens, "candidatesTokenCount": self.output_tokens - 3,
                 "thoughtsTokenCount": 3, "totalTokenCount": self.input_tokens + self.output_tokens}  # fmt: skip
        if self.stopped == "BLOCKED":
            blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage}
            return Answer(200, cut([event(blocked)]) if streamed else blocked)
        if streamed:
            return Answer(200, cut(self.events(usage)))
        parts = [{"text": "Let me think.", "thought": True}, {"text": self.reply}]
        content = {} if self.stopped == "SAFETY" else {"content": {"role": "model", "parts": parts}}
        candidate = {**content, "finishReason": self.stopped or "STOP", "index": 0}
        return Answer(200, {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "tiny-001"})

    def events(self, usage: Mapping[str, Any]) -> Iterator[bytes]:
        """Each is an answer of its own; the reason to stop stands in the last, the counts grow."""
        first, second = halves(self.reply)
        for parts in ([{"text": "Let me think.", "thought": True}], [{"text": first}]):
            candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
            growing = {"promptTokenCount": self.input_tokens}
            yield event({"candidates": [candidate], "usageMetadata": growing, "modelVersion": "tiny-001"})
        content = {} if self.stopped == "SAFETY" else {"content": {"role": "model", "parts": [{"text": second}]}}
        last = {**content, "finishReason": self.stopped or "STOP", "index": 0}
        yield event({"candidates": [last], "usageMetadata": usage, "modelVersion": "tiny-001"})

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
