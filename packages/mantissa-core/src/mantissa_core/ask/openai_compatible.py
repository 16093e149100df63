"""The provider ``core.openai_compatible``: any server that speaks the chat completions API, hosted or local.

Request and answer: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import httpx
from pydantic import Field, HttpUrl, SecretStr

from mantissa_core import web
from mantissa_core.errors import Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.completion import Completion, Prompt

_SCHEMA_REFUSED = (400, 404, 422)


class OpenAICompatible:
    """Sends each prompt as one chat. Nothing is remembered from call to call but what the server can do."""

    class Config(PluginConfig):
        """Which server and which model."""

        base_url: HttpUrl
        """Address of the API, such as ``https://api.openai.com/v1`` or ``http://localhost:11434/v1``."""
        model: str
        """The model's name at that server."""
        api_key: SecretStr | None = None
        """Sent as ``Authorization: Bearer``; local servers often need none."""
        timeout: Annotated[float, Field(gt=0, le=600)] = 60.0
        """Seconds to wait for the connection, and for each part of the answer."""
        max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
        """The field that limits the answer's length; newer hosted models want the second name."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._knows_schemas = True

    @hookimpl
    def check(self) -> None:
        """List the server's models: that proves the address and the key, and costs nothing."""
        request = self._client.build_request("GET", f"{self._base}/models", headers=self._headers())
        web.raise_for_status(web.send(self._client, request), self._secrets())

    @hookimpl
    def generate(self, prompt: Prompt) -> Completion:
        """Answer in free text."""
        return self._completion(self._chat(prompt, None))

    @hookimpl
    def generate_with_schema(self, prompt: Prompt, schema: Mapping[str, object]) -> Completion:
        """Answer with a JSON object.

        A server that does not know ``json_schema`` is asked for ``json_object`` instead, with the schema in the
        system message.
        """
        if self._knows_schemas:
            answer = self._chat(prompt, {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}})
            if answer.status_code not in _SCHEMA_REFUSED:
                return self._with_data(self._completion(answer))
        asked = f"{prompt.system}\n\nAnswer with one JSON object that fits this JSON Schema:\n{json.dumps(schema)}"
        simpler = Prompt(prompt.user, asked.strip(), prompt.max_tokens, prompt.temperature)
        completion = self._completion(self._chat(simpler, {"type": "json_object"}))
        self._knows_schemas = False
        return self._with_data(completion)

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=self.config.timeout)

    @property
    def _base(self) -> str:
        return str(self.config.base_url).rstrip("/")

    def _headers(self) -> dict[str, str]:
        key = self.config.api_key
        return {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}

    def _secrets(self) -> list[str]:
        return [self.config.api_key.get_secret_value()] if self.config.api_key else []

    def _chat(self, prompt: Prompt, response_format: Mapping[str, object] | None) -> httpx.Response:
        system = [{"role": "system", "content": prompt.system}] if prompt.system else []
        body: dict[str, Any] = {
            "model": self.config.model,
            "messages": [*system, {"role": "user", "content": prompt.user}],
            "temperature": prompt.temperature,
            self.config.max_tokens_field: prompt.max_tokens,
        }
        if response_format:
            body["response_format"] = response_format
        request = self._client.build_request(
            "POST", f"{self._base}/chat/completions", json=body, headers=self._headers()
        )
        return web.send(self._client, request)

    def _completion(self, response: httpx.Response) -> Completion:
        web.raise_for_status(response, self._secrets())
        place = web.origin(response.request)
        try:
            answer = response.json()
            text = answer["choices"][0]["message"]["content"]
            usage = answer.get("usage") or {}
            model = str(answer.get("model") or self.config.model)
            read, written = (int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens"))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise Retry(f"{place} answered something else than a chat completion") from error
        if not isinstance(text, str):
            raise Retry(f"{place} answered without text")
        return Completion(text, model, read, written)

    def _with_data(self, completion: Completion) -> Completion:
        try:
            data = json.loads(_unfenced(completion.text))
        except ValueError as error:
            raise Retry(f"{completion.model} answered no JSON") from error
        if not isinstance(data, dict):
            raise Retry(f"{completion.model} answered JSON that is no object")
        return Completion(completion.text, completion.model, completion.input_tokens, completion.output_tokens, data)


def _unfenced(text: str) -> str:
    """Without the Markdown fence that some models put around JSON."""
    lines = text.strip().splitlines()
    fenced = len(lines) >= 2 and lines[0].startswith("```") and lines[-1].strip() == "```"
    return "\n".join(lines[1:-1]) if fenced else text
