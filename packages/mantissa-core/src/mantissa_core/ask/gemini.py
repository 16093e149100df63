"""The provider ``core.gemini``: Google's models, by the Gemini API.

Request and answer: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import httpx
from pydantic import Field, HttpUrl, SecretStr

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.completion import Completion, Prompt

from .said import Said, count, whole, with_data, with_schema_told
from .wire import SCHEMA_REFUSED, Wire, strange

_DECLINED = frozenset(
    {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "OTHER"}
)
_JSON = "application/json"


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

    def _content(self, prompt: Prompt, more: Mapping[str, Any]) -> httpx.Response:
        how = {"temperature": prompt.temperature, "maxOutputTokens": prompt.max_tokens, **more}
        body: dict[str, Any] = {
            "contents": [{"role": "user", "parts": [{"text": prompt.user}]}],
            "generationConfig": how,
            **({"systemInstruction": {"parts": [{"text": prompt.system}]}} if prompt.system else {}),
        }
        return self._wire.post(f"{self._model}:generateContent", body, ("generationConfig", "temperature"))

    def _said(self, response: httpx.Response) -> Said:
        self._wire.judged(response)
        try:
            answer = response.json()
            usage, model = answer.get("usageMetadata"), str(answer.get("modelVersion") or self.config.model)
            # Thoughts are counted apart from the answer, and paid for alike.
            read, written = count(usage, "promptTokenCount"), count(usage, "candidatesTokenCount", "thoughtsTokenCount")
            if answer.get("promptFeedback", {}).get("blockReason"):
                return Said("", model, read, written, "declined")
            candidate = answer["candidates"][0]
            reason = str(candidate.get("finishReason"))
            stopped = "truncated" if reason == "MAX_TOKENS" else "declined" if reason in _DECLINED else ""
            parts = candidate.get("content", {}).get("parts", [])
            text = "".join(str(each["text"]) for each in parts if "text" in each and not each.get("thought"))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise strange(response, "content") from error
        if not parts and not stopped:
            raise strange(response, "text")
        return Said(text, model, read, written, stopped)
