"""The provider ``core.gemini``: Google's models, by the Gemini API.

Request, answer and streams: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import quote

import httpx
from pydantic import Field, HttpUrl, SecretStr

from mantissa_core import web
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.completion import Completion, Piece, Prompt

from .pieces import Heard, as_pieces, broke_off
from .said import Said, count, whole, with_data, with_schema_told
from .sse import documents
from .wire import SCHEMA_REFUSED, Wire, strange

_DECLINED = frozenset(
    {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "OTHER"}
)
_JSON = "application/json"
_TEMPERATURE = ("generationConfig", "temperature")


class Gemini:
    """Sends each prompt as one content."""

    class Config(PluginConfig):
        """Which model."""

        api_key: SecretStr = Field(json_schema_extra={"env": ["GEMINI_API_KEY", "GOOGLE_API_KEY"]})
        """Sent as ``x-goog-api-key``."""
        model: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")] = Field(
            default="gemini-flash-latest", json_schema_extra={"env": "GEMINI_MODEL"}
        )
        """The model's name, without ``models/``."""
        base_url: HttpUrl = HttpUrl("https://generativelanguage.googleapis.com/v1beta")
        """Address of the API, with its version."""
        timeout: Annotated[float, Field(gt=0, le=600)] = 60.0
        """Seconds to wait for the connection, and for each part of the answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._model = f"{str(config.base_url).rstrip('/')}/models/{quote(config.model, safe='')}"
        self._wire = Wire(config.timeout, config.api_key, "x-goog-api-key")
        self._knows_schemas = True

    @hookimpl
    def check(self) -> None:
        """Look the model up: that proves the key and the model's name, and costs nothing."""
        self._wire.get(self._model)

    @hookimpl
    def generate(self, prompt: Prompt) -> Completion:
        """Answer in free text."""
        return whole(self._said(self._content(prompt, {})))

    @hookimpl
    def generate_with_schema(self, prompt: Prompt, schema: Mapping[str, object]) -> Completion:
        """Answer with a JSON object. A model that does not take the schema gets it in the system instruction."""
        if self._knows_schemas:
            answer = self._content(prompt, {"responseMimeType": _JSON, "responseJsonSchema": schema})
            if answer.status_code not in SCHEMA_REFUSED:
                return with_data(self._said(answer))
        said = self._said(self._content(with_schema_told(prompt, schema), {"responseMimeType": _JSON}))
        self._knows_schemas = False
        return with_data(said)

    @hookimpl
    def stream(self, prompt: Prompt, schema: Mapping[str, object] | None) -> Iterator[Piece]:
        """Answer piece by piece; a model that does not take the schema gets it in the system instruction."""
        if schema is None:
            yield from self._pieces(prompt, {}, data=False)
            return
        if self._knows_schemas:
            body = self._body(prompt, {"responseMimeType": _JSON, "responseJsonSchema": schema})
            with self._opened(body) as arriving:
                if arriving.response.status_code not in SCHEMA_REFUSED:
                    self._wire.judged(arriving.response)
                    yield from as_pieces(self._heard(arriving), data=True)
                    return
        yield from self._pieces(with_schema_told(prompt, schema), {"responseMimeType": _JSON}, data=True)
        self._knows_schemas = False

    def _pieces(self, prompt: Prompt, more: Mapping[str, Any], *, data: bool) -> Iterator[Piece]:
        with self._opened(self._body(prompt, more)) as arriving:
            self._wire.judged(arriving.response)
            yield from as_pieces(self._heard(arriving), data=data)

    def _opened(self, body: Mapping[str, Any]) -> web.Arriving:
        return self._wire.open(f"{self._model}:streamGenerateContent?alt=sse", body, _TEMPERATURE)

    def _content(self, prompt: Prompt, more: Mapping[str, Any]) -> httpx.Response:
        return self._wire.post(f"{self._model}:generateContent", self._body(prompt, more), _TEMPERATURE)

    def _body(self, prompt: Prompt, more: Mapping[str, Any]) -> dict[str, Any]:
        how = {"temperature": prompt.temperature, "maxOutputTokens": prompt.max_tokens, **more}
        return {
            "contents": [{"role": "user", "parts": [{"text": prompt.user}]}],
            "generationConfig": how,
            **({"systemInstruction": {"parts": [{"text": prompt.system}]}} if prompt.system else {}),
        }

    def _heard(self, arriving: web.Arriving) -> Heard:
        texts: list[str] = []
        model, usage, stopped = self.config.model, None, None
        for chunk in documents(arriving):
            if "error" in chunk:
                raise self._wire.broken(chunk["error"])
            try:
                model, usage = str(chunk.get("modelVersion") or model), chunk.get("usageMetadata") or usage
                text, now = _part(chunk)
            except (KeyError, TypeError, AttributeError) as error:
                raise strange(arriving.response, "content") from error
            stopped = now if stopped is None else stopped
            if text:
                texts.append(text)
                yield text
        if stopped is None:  # there is no other sign of the end
            raise broke_off()
        return Said("".join(texts), model, *_counts(usage), stopped)

    def _said(self, response: httpx.Response) -> Said:
        self._wire.judged(response)
        try:
            answer = response.json()
            usage, model = answer.get("usageMetadata"), str(answer.get("modelVersion") or self.config.model)
            text, stopped = _part(answer)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise strange(response, "content") from error
        if not text and stopped is None:
            raise strange(response, "text")
        return Said(text, model, *_counts(usage), stopped or "")


def _counts(usage: Any) -> tuple[int, int]:
    """Tokens read and written. Thoughts are counted apart from the answer, and paid for alike."""
    return count(usage, "promptTokenCount"), count(usage, "candidatesTokenCount", "thoughtsTokenCount")


def _part(answer: Mapping[str, Any]) -> tuple[str, str | None]:
    """The text without thoughts, and how it stopped: ``None`` where it goes on, empty where it is whole."""
    if (answer.get("promptFeedback") or {}).get("blockReason"):
        return "", "declined"
    text, stopped = "", None
    for candidate in answer.get("candidates", [])[:1]:  # chunks with counts alone have none
        if reason := candidate.get("finishReason"):
            stopped = "truncated" if reason == "MAX_TOKENS" else "declined" if reason in _DECLINED else ""
        parts = (candidate.get("content") or {}).get("parts", [])
        text = "".join(str(each["text"]) for each in parts if "text" in each and not each.get("thought"))
    return text, stopped
