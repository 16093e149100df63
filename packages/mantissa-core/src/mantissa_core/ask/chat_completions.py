"""The chat completions format, which OpenAI made and many servers speak.

Request and answer: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from mantissa_core.model.completion import Completion, Prompt

from .said import Said, count, whole, with_data, with_schema_told
from .wire import SCHEMA_REFUSED, Wire, strange

_STOPPED = {"length": "truncated", "content_filter": "declined"}


class ChatCompletions:
    """Sends each prompt as one chat to ``url``. Nothing is remembered from call to call but what the server can do."""

    def __init__(self, wire: Wire, url: str, model: str, max_tokens_field: str, names_model: bool = True) -> None:
        self._wire, self._url, self._model, self._max_tokens = wire, url, model, max_tokens_field
        self._fixed = {"model": model} if names_model else {}
        self._knows_schemas = True

    def generate(self, prompt: Prompt) -> Completion:
        """Answer in free text."""
        return whole(self._said(self._chat(prompt, None)))

    def generate_with_schema(self, prompt: Prompt, schema: Mapping[str, object]) -> Completion:
        """Answer with a JSON object.

        A server that does not know ``json_schema`` is asked for ``json_object`` instead, with the schema in the
        system message.
        """
        if self._knows_schemas:
            answer = self._chat(prompt, {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}})
            if answer.status_code not in SCHEMA_REFUSED:
                return with_data(self._said(answer))
        said = self._said(self._chat(with_schema_told(prompt, schema), {"type": "json_object"}))
        self._knows_schemas = False
        return with_data(said)

    def _chat(self, prompt: Prompt, response_format: Mapping[str, object] | None) -> httpx.Response:
        system = [{"role": "system", "content": prompt.system}] if prompt.system else []
        body: dict[str, Any] = {
            **self._fixed,
            "messages": [*system, {"role": "user", "content": prompt.user}],
            "temperature": prompt.temperature,
            self._max_tokens: prompt.max_tokens,
        }
        if response_format:
            body["response_format"] = response_format
        return self._wire.post(self._url, body, ("temperature",))

    def _said(self, response: httpx.Response) -> Said:
        self._wire.judged(response)
        try:
            answer = response.json()
            choice = answer["choices"][0]
            message, usage = choice["message"], answer.get("usage")
            stopped = "declined" if message.get("refusal") else _STOPPED.get(str(choice.get("finish_reason")), "")
            text = message.get("content")
            model = str(answer.get("model") or self._model)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise strange(response, "a chat completion") from error
        if not isinstance(text, str) and not stopped:
            raise strange(response, "text")
        return Said(text or "", model, count(usage, "prompt_tokens"), count(usage, "completion_tokens"), stopped)
