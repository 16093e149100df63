"""The provider ``core.anthropic``: Claude, by the Messages API.

Request and answer: https://docs.claude.com/en/api/messages
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import httpx
from pydantic import Field, HttpUrl, SecretStr

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.completion import Completion, Prompt

from .said import Said, count, whole, with_data
from .wire import Wire, strange

VERSION = "2023-06-01"
"""Of the API, sent as ``anthropic-version``."""
_TOOL = "answer"
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
        tool = {"name": _TOOL, "description": "Takes the answer.", "input_schema": schema}
        asked = {"tools": [tool], "tool_choice": {"type": "tool", "name": _TOOL}}
        return with_data(self._said(self._message(prompt, asked)))

    def _message(self, prompt: Prompt, more: Mapping[str, Any]) -> httpx.Response:
        body: dict[str, Any] = {
            "model": self.config.model,
            "max_tokens": prompt.max_tokens,
            "temperature": prompt.temperature,
            "messages": [{"role": "user", "content": prompt.user}],
            **({"system": prompt.system} if prompt.system else {}),
            **more,
        }
        return self._wire.post(f"{self._base}/messages", body, ("temperature",))

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


def _text(block: Mapping[str, Any]) -> str:
    """What a block of the answer says; a call of the tool as JSON."""
    if block["type"] == "tool_use":
        return json.dumps(block["input"])
    return str(block["text"]) if block["type"] == "text" else ""
