"""The provider ``core.anthropic``: Claude, by the Messages API.

Request and answer: https://docs.claude.com/en/api/messages
Streams: https://docs.claude.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import httpx
from pydantic import Field, HttpUrl, SecretStr

from mantissa_core import web
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.completion import Completion, Piece, Prompt

from .pieces import Heard, as_pieces, broke_off
from .said import Said, count, whole, with_data
from .sse import documents
from .wire import Wire, strange

VERSION = "2023-06-01"
"""Of the API, sent as ``anthropic-version``."""
_TOOL = "answer"
_TEMPERATURE = ("temperature",)
_STOPPED = {"max_tokens": "truncated", "model_context_window_exceeded": "truncated", "refusal": "declined"}
_READ = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class Anthropic:
    """Sends each prompt as one message."""

    class Config(PluginConfig):
        """Which model."""

        api_key: SecretStr = Field(json_schema_extra={"env": "ANTHROPIC_API_KEY"})
        """Sent as ``x-api-key``."""
        model: str = Field(default="claude-sonnet-4-6", json_schema_extra={"env": "ANTHROPIC_MODEL"})
        """The model's name."""
        base_url: HttpUrl = HttpUrl("https://api.anthropic.com")
        """Address of the API, without ``/v1``."""
        timeout: Annotated[float, Field(gt=0, le=600)] = 60.0
        """Seconds to wait for the connection, and for each part of the answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._base = f"{str(config.base_url).rstrip('/')}/v1"
        self._wire = Wire(config.timeout, config.api_key, "x-api-key", more={"anthropic-version": VERSION})

    @hookimpl
    def check(self) -> None:
        """List the models: that proves the key, and costs nothing."""
        self._wire.get(f"{self._base}/models?limit=1")

    @hookimpl
    def generate(self, prompt: Prompt) -> Completion:
        """Answer in free text."""
        return whole(self._said(self._message(prompt, {})))

    @hookimpl
    def generate_with_schema(self, prompt: Prompt, schema: Mapping[str, object]) -> Completion:
        """Answer with a JSON object: the input of a tool that the model has to call, and that nobody runs."""
        return with_data(self._said(self._message(prompt, _tool(schema))))

    @hookimpl
    def stream(self, prompt: Prompt, schema: Mapping[str, object] | None) -> Iterator[Piece]:
        """Answer piece by piece; with a schema the pieces are those of the tool's input."""
        body = {**self._body(prompt, _tool(schema) if schema is not None else {}), "stream": True}
        with self._wire.open(f"{self._base}/messages", body, _TEMPERATURE) as arriving:
            self._wire.judged(arriving.response)
            yield from as_pieces(self._heard(arriving), data=schema is not None)

    def _heard(self, arriving: web.Arriving) -> Heard:
        texts: list[str] = []
        message: dict[str, Any] = {}
        usage: dict[str, Any] = {}
        stopped, ended, called = "", False, False
        for event in documents(arriving):
            if event.get("type") == "error":
                raise self._wire.broken(event.get("error"))
            try:
                match event["type"]:
                    case "message_start":
                        message, usage = event["message"], dict(event["message"].get("usage") or {})
                    case "content_block_start":
                        called = called or event["content_block"]["type"] == "tool_use"
                    case "content_block_delta" if text := _delta(event["delta"]):
                        texts.append(text)
                        yield text
                    case "message_delta":  # its counts are sums so far, and not all of them are given
                        stopped = _STOPPED.get(str(event["delta"].get("stop_reason")), "")
                        usage |= {name: each for name, each in (event.get("usage") or {}).items() if each is not None}
                    case "message_stop":
                        ended = True
            except (KeyError, TypeError, AttributeError) as error:
                raise strange(arriving.response, "events of a message") from error
        if not ended:
            raise broke_off()
        text = "".join(texts) or ("{}" if called else "")
        model = str(message.get("model") or self.config.model)
        return Said(text, model, count(usage, *_READ), count(usage, "output_tokens"), stopped)

    def _message(self, prompt: Prompt, more: Mapping[str, Any]) -> httpx.Response:
        return self._wire.post(f"{self._base}/messages", self._body(prompt, more), _TEMPERATURE)

    def _body(self, prompt: Prompt, more: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "model": self.config.model,
            "max_tokens": prompt.max_tokens,
            "temperature": prompt.temperature,
            "messages": [{"role": "user", "content": prompt.user}],
            **({"system": prompt.system} if prompt.system else {}),
            **more,
        }

    def _said(self, response: httpx.Response) -> Said:
        self._wire.judged(response)
        try:
            answer = response.json()
            stopped = _STOPPED.get(str(answer.get("stop_reason")), "")
            text = "".join(map(_text, answer["content"]))
            model, usage = str(answer.get("model") or self.config.model), answer.get("usage")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise strange(response, "a message") from error
        return Said(text, model, count(usage, *_READ), count(usage, "output_tokens"), stopped)


def _tool(schema: Mapping[str, object]) -> dict[str, Any]:
    """What makes the model call a tool whose input is the answer."""
    tool = {"name": _TOOL, "description": "Takes the answer.", "input_schema": schema}
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": _TOOL}}


def _delta(delta: Mapping[str, Any]) -> str:
    """A piece of text or of the tool's input; thoughts and signatures are no part of the answer."""
    match delta["type"]:
        case "text_delta":
            return str(delta["text"])
        case "input_json_delta":
            return str(delta["partial_json"])
    return ""


def _text(block: Mapping[str, Any]) -> str:
    """What a block of the answer says; a call of the tool as JSON."""
    if block["type"] == "tool_use":
        return json.dumps(block["input"])
    return str(block["text"]) if block["type"] == "text" else ""
