"""The LLM provider ``acme.gadget``: the models of Acme, over its chat API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import httpx
from mantissa_core import web
from mantissa_core.errors import Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Completion, Prompt
from pydantic import Field, HttpUrl, SecretStr


class Gadget:
    """Sends each prompt as one chat; nothing is remembered from call to call."""

    class Config(PluginConfig):
        """Which server and which model."""

        url: HttpUrl
        """Address of the API."""
        model: str
        """The model's name at Acme."""
        token: SecretStr = Field(json_schema_extra={"env": "ACME_TOKEN"})
        """API token."""
        timeout: Annotated[float, Field(gt=0, le=600)] = 60.0
        """Seconds to wait for the connection, and for each part of the answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        headers = {"Authorization": f"Bearer {config.token.get_secret_value()}"}
        self._client = httpx.Client(base_url=str(config.url), headers=headers, timeout=config.timeout)

    @hookimpl
    def check(self) -> None:
        """Look the model up: that proves address, token and name, and costs nothing."""
        self._send("GET", f"/models/{self.config.model}")

    @hookimpl
    def generate(self, prompt: Prompt) -> Completion:
        """Answer in free text.

        Raises:
            Retry: Acme cannot be reached, is busy, fails or sends half an answer.
            NeedsOperator: Acme refuses the token or the prompt.
        """
        return self._chat(prompt, {})

    @hookimpl
    def generate_with_schema(self, prompt: Prompt, schema: Mapping[str, object]) -> Completion:
        """Answer with a JSON object. Acme is given the schema, and may not keep to it."""
        completion = self._chat(prompt, {"answer_schema": schema})
        try:
            data = json.loads(completion.text)
        except ValueError as error:
            raise Retry(f"{completion.model} answered no JSON") from error
        if not isinstance(data, dict):
            raise Retry(f"{completion.model} answered JSON that is no object")
        return replace(completion, data=data)

    def _chat(self, prompt: Prompt, more: Mapping[str, object]) -> Completion:
        system = [{"role": "system", "text": prompt.system}] if prompt.system else []
        body = {
            "model": self.config.model,
            "messages": [*system, {"role": "user", "text": prompt.user}],
            "max_tokens": prompt.max_tokens,
            "temperature": prompt.temperature,
            **more,
        }
        return _completion(self._send("POST", "/chat", body))

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        response = web.send(self._client, self._client.build_request(method, path, json=body))
        web.raise_for_status(response, [self.config.token.get_secret_value()])
        return response


def _completion(response: httpx.Response) -> Completion:
    """Read ``{"model": …, "text": …, "usage": {"read": …, "written": …}}``; a missing count is 0."""
    try:
        answer = response.json()
        usage = answer.get("usage") or {}
        text, model, read, written = answer["text"], answer["model"], usage.get("read"), usage.get("written")
        return Completion(str(text), str(model), int(read or 0), int(written or 0))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Retry(f"{web.origin(response.request)} answered something else than a chat's answer") from error
