"""The chat completions format, which OpenAI made and many servers speak.

Request and answer: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from mantissa_core import web
from mantissa_core.model.completion import Completion, Piece, Prompt

from .pieces import Heard, as_pieces, at_once, broke_off
from .said import Said, count, whole, with_data, with_schema_told
from .sse import documents
from .wire import SCHEMA_REFUSED, Wire, strange

_STOPPED = {"length": "truncated", "content_filter": "declined"}
_TEMPERATURE = ("temperature",)
_COUNTS = ("stream_options",)
_STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


class ChatCompletions:
    """Sends each prompt as one chat to ``url``. Nothing is remembered from call to call but what the server can do."""

    def __init__(self, wire: Wire, url: str, model: str, max_tokens_field: str, names_model: bool = True) -> None:
        self._wire, self._url, self._model, self._max_tokens = wire, url, model, max_tokens_field
        self._fixed = {"model": model} if names_model else {}
        self._knows_schemas = self._streams = True

    def generate(self, prompt: Prompt) -> Completion:
        """Answer in free text."""
        return whole(self._said(self._chat(prompt, None)))

    def generate_with_schema(self, prompt: Prompt, schema: Mapping[str, object]) -> Completion:
        """Answer with a JSON object.

        A server that does not know ``json_schema`` is asked for ``json_object`` instead, with the schema in the
        system message.
        """
        if self._knows_schemas:
            answer = self._chat(prompt, _named(schema))
            if answer.status_code not in SCHEMA_REFUSED:
                return with_data(self._said(answer))
        said = self._said(self._chat(with_schema_told(prompt, schema), _OBJECT))
        self._knows_schemas = False
        return with_data(said)

    def stream(self, prompt: Prompt, schema: Mapping[str, object] | None) -> Iterator[Piece]:
        """Answer piece by piece. A server or a model that does not stream is asked for the whole."""
        if self._streams:
            asked, form = prompt, _named(schema) if schema is not None else None
            if schema is not None and not self._knows_schemas:
                asked, form = with_schema_told(prompt, schema), _OBJECT
            body = {**self._body(asked, form), **_STREAMED}
            with self._wire.open(self._url, body, _TEMPERATURE, _COUNTS) as arriving:
                if arriving.response.is_success:
                    yield from as_pieces(self._heard(arriving), data=schema is not None)
                    return
            if arriving.response.status_code not in SCHEMA_REFUSED:
                self._wire.judged(arriving.response)
        # What is not taken is either the schema or streaming as such: asking for the whole tells which.
        knew = self._knows_schemas
        completion = self.generate(prompt) if schema is None else self.generate_with_schema(prompt, schema)
        self._streams = self._streams and self._knows_schemas != knew
        yield from at_once(completion)

    def _heard(self, arriving: web.Arriving) -> Heard:
        texts: list[str] = []
        model, usage, reason, declined = self._model, None, None, False
        for chunk in documents(arriving):
            if "error" in chunk:
                raise self._wire.broken(chunk["error"])
            try:
                model, usage = str(chunk.get("model") or model), chunk.get("usage") or usage
                # The first of Azure's, and the last that has the counts, is about no choice.
                for choice in chunk["choices"][:1]:
                    delta, reason = choice.get("delta") or {}, choice.get("finish_reason") or reason
                    declined = declined or bool(delta.get("refusal"))
                    if text := delta.get("content"):
                        texts.append(str(text))
                        yield texts[-1]
            except (KeyError, TypeError, AttributeError) as error:
                raise strange(arriving.response, "chunks of a chat completion") from error
        if reason is None:
            raise broke_off()
        stopped = "declined" if declined else _STOPPED.get(str(reason), "")
        read, written = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
        return Said("".join(texts), model, read, written, stopped)

    def _chat(self, prompt: Prompt, response_format: Mapping[str, object] | None) -> httpx.Response:
        return self._wire.post(self._url, self._body(prompt, response_format), _TEMPERATURE)

    def _body(self, prompt: Prompt, response_format: Mapping[str, object] | None) -> dict[str, Any]:
        system = [{"role": "system", "content": prompt.system}] if prompt.system else []
        body: dict[str, Any] = {
            **self._fixed,
            "messages": [*system, {"role": "user", "content": prompt.user}],
            "temperature": prompt.temperature,
            self._max_tokens: prompt.max_tokens,
        }
        if response_format:
            body["response_format"] = response_format
        return body

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


_OBJECT: Mapping[str, object] = {"type": "json_object"}


def _named(schema: Mapping[str, object]) -> Mapping[str, object]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
