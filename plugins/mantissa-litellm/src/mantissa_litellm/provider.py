"""The provider ``litellm.completion``: whatever litellm speaks to. https://docs.litellm.ai/docs/completion/input"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, nullcontext
from itertools import chain
from typing import Annotated, Any

import httpx
from mantissa_core import web
from mantissa_core.ask.providers.pieces import Heard, as_pieces, at_once, broke_off
from mantissa_core.ask.providers.said import Said, whole, with_data, with_schema_told
from mantissa_core.errors import MantissaError, NeedsOperator, Retry, Unusable
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Completion, Piece, Prompt
from pydantic import Field, HttpUrl, SecretStr

from .sdk import litellm, no_shared_clients, stream_client

_SCHEMA_REFUSED = (400, 404, 422)
_STOPPED = {"length": "truncated", "content_filter": "declined"}
_STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
_STREAM_SECONDS = 180.0
"""How long a stream may take from beginning to end."""
_LONGEST = 4_000_000
"""Characters of an answer; the longest that a model writes have some hundred thousand."""
_GOOGLE = ("vertex_ai", "vertex_ai_beta", "gemini")
_AWS = ("bedrock", "bedrock_converse", "sagemaker", "sagemaker_chat")


class LiteLLM:
    """Sends each prompt as one chat, by litellm."""

    class Config(PluginConfig):
        """Which vendor and which model."""

        vendor: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]
        """The vendor's name in litellm, such as ``bedrock`` or ``vertex_ai``."""
        model: Annotated[str, Field(min_length=1)]
        """The model's name at the vendor."""
        api_key: SecretStr | None = None
        """The vendor's key; without it litellm looks where the vendor's own libraries look."""
        base_url: HttpUrl | None = None
        """Address of the API, where it is not the vendor's usual one."""
        region: str | None = None
        """Region or location, for vendors that have them (AWS, Vertex AI)."""
        project: str | None = None
        """The Google Cloud project (Vertex AI)."""
        timeout: Annotated[float, Field(gt=0, le=600)] = 60.0
        """Seconds to wait for the answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._model = f"{config.vendor}/{config.model.removeprefix(f'{config.vendor}/')}"
        self._knows_schemas = self._streams = True

    @property
    def _has_own_client(self) -> bool:
        return self.config.vendor in (*_GOOGLE, "bedrock", "bedrock_converse")

    @property
    def _is_gemini(self) -> bool:
        return self.config.vendor in _GOOGLE and "gemini" in self.config.model

    @hookimpl
    def check(self) -> None:
        """See that litellm loads and knows the vendor. Nothing is asked: that would cost tokens."""
        try:
            litellm().get_llm_provider(self._model)
        except Exception as error:
            raise NeedsOperator(f"litellm knows no vendor {self.config.vendor!r}") from error

    @hookimpl
    def generate(self, prompt: Prompt) -> Completion:
        """Answer in free text."""
        return whole(self._said(self._chat(prompt, {})))

    @hookimpl
    def generate_with_schema(self, prompt: Prompt, schema: Mapping[str, object]) -> Completion:
        """Answer with a JSON object. A model that does not take the schema gets it in the system part."""
        if self._knows_schemas:
            try:
                return with_data(self._said(self._chat(prompt, _named(schema))))
            except _Refused:
                pass  # asked below without
        said = self._said(self._chat(with_schema_told(prompt, schema), _OBJECT))
        self._knows_schemas = False
        return with_data(said)

    @hookimpl
    def stream(self, prompt: Prompt, schema: Mapping[str, object] | None) -> Iterator[Piece]:
        """Answer piece by piece. A model that does not stream, or not with its counts, is asked for the whole."""
        if self._streams:
            asked, form = prompt, _named(schema) if schema is not None else {}
            if schema is not None and not self._knows_schemas:
                asked, form = with_schema_told(prompt, schema), _OBJECT
            own = closing(stream_client(self.config.timeout)) if self._has_own_client else nullcontext()
            with no_shared_clients(), own as client:
                try:
                    chunks = self._chat(asked, {**form, **_STREAMED, **({"client": client} if client else {})})
                    arriving = self._within_bounds(chunks)
                    first = next(arriving, None)  # some vendors are asked only now
                except _Refused:
                    pass  # either the schema or streaming as such: asking for the whole tells which
                else:
                    said = client if self._is_gemini else chunks
                    heard = self._heard(chain([first] if first else [], arriving), lambda: _ended(said))
                    yield from as_pieces(heard, data=schema is not None)
                    return
        knew = self._knows_schemas
        completion = self.generate(prompt) if schema is None else self.generate_with_schema(prompt, schema)
        self._streams = self._streams and self._knows_schemas != knew
        yield from at_once(completion)

    def _heard(self, chunks: Iterable[Any], ended: Callable[[], bool]) -> Heard:
        texts: list[str] = []
        model, usage, reason = "", None, None
        for chunk in chunks:
            try:
                model, usage = str(chunk.model or model), getattr(chunk, "usage", None) or usage
                for choice in chunk.choices[:1]:
                    reason = choice.finish_reason or reason
                    if text := choice.delta.content:
                        texts.append(str(text))
                        yield texts[-1]
            except (AttributeError, IndexError, TypeError) as error:
                raise Retry(f"{self._model} answered something else than chunks of a chat completion") from error
        if not ended():
            raise broke_off()
        read, written = (int(getattr(usage, name, 0) or 0) for name in ("prompt_tokens", "completion_tokens"))
        return Said("".join(texts), model or self._model, read, written, _STOPPED.get(str(reason), ""))

    def _within_bounds(self, chunks: Any) -> Iterator[Any]:
        """The chunks, as long as they do not take too long and hold too much; litellm bounds neither."""
        until, arriving, size = time.monotonic() + _STREAM_SECONDS, iter(chunks), 0
        while True:
            with web.quiet():
                try:
                    chunk = next(arriving)
                except StopIteration:
                    return
                except Exception as error:  # noqa: BLE001  # litellm lets errors of every library through
                    raise self._judged(error) from None
            size += len(str(chunk.choices[0].delta.content or "")) if chunk.choices else 0
            if time.monotonic() > until or size > _LONGEST:
                raise Retry(f"{self._model} did not come to an end")
            yield chunk

    def _chat(self, prompt: Prompt, more: Mapping[str, Any]) -> Any:
        library = litellm()
        system = [{"role": "system", "content": prompt.system}] if prompt.system else []
        with web.quiet():
            try:
                return library.completion(
                    model=self._model,
                    messages=[*system, {"role": "user", "content": prompt.user}],
                    temperature=prompt.temperature,
                    max_tokens=prompt.max_tokens,
                    timeout=self.config.timeout,
                    num_retries=0,
                    max_retries=0,
                    **self._access(),
                    **more,
                )
            except Exception as error:  # noqa: BLE001  # litellm lets errors of every library through
                raise self._judged(error) from None

    def _access(self) -> dict[str, Any]:
        """Credentials and place, under the names that litellm has for them."""
        config = self.config
        named = {
            "api_key": config.api_key.get_secret_value() if config.api_key else None,
            "api_base": str(config.base_url).rstrip("/") if config.base_url else None,
            "aws_region_name" if config.vendor in _AWS else "vertex_location": config.region,
            "vertex_project": config.project,
        }
        return {name: value for name, value in named.items() if value}

    def _judged(self, error: Exception) -> MantissaError:
        """What happens next. Messages of litellm may quote requests, so little of them is told."""
        error = getattr(error, "original_exception", None) or error  # of a stream, litellm wraps them
        status, name = getattr(error, "status_code", None), type(error).__name__
        secrets = [self.config.api_key.get_secret_value()] if self.config.api_key else []
        if name == "ContentPolicyViolationError":
            return Unusable(f"{self._model} declined to answer", "declined")
        if status in (401, 403):
            return NeedsOperator(f"{self._model} answered {status}: check the credential and its permissions")
        if self._passes(status):
            return Retry(f"{self._model} failed: {name}", web.retry_after(_headers(error)))
        said = f"{self._model} answered {status}: {web.excerpt(str(error), secrets)}"
        return _Refused(said) if status in _SCHEMA_REFUSED else NeedsOperator(said)

    def _passes(self, status: Any) -> bool:
        """Whether it may work later: no answer, a busy server, an answer that litellm could not read."""
        unread = (200, 422, 424) if self.config.vendor in (*_AWS, *_GOOGLE) else (200,)
        return not isinstance(status, int) or status in (408, 425, 429, *unread) or status >= 500

    def _said(self, answer: Any) -> Said:
        try:
            choice, usage = answer.choices[0], answer.usage
            refused = bool(getattr(choice.message, "refusal", None))
            stopped = _STOPPED.get(str(choice.finish_reason), "")
            text = choice.message.content
            read, written = int(usage.prompt_tokens or 0), int(usage.completion_tokens or 0)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise Retry(f"{self._model} answered something else than a chat completion") from error
        stopped = "declined" if refused else stopped
        if not isinstance(text, str) and not stopped:
            raise Retry(f"{self._model} answered without text")
        return Said(text or "", str(answer.model or self._model), read, written, stopped)


_OBJECT = {"response_format": {"type": "json_object"}}


def _named(schema: Mapping[str, object]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema)}}}


def _ended(said: Any) -> bool:
    """Whether the server said that the answer is over: where it did not, litellm says so in its place."""
    names = ("ended", "received_finish_reason", "intermittent_finish_reason")
    return any(getattr(said, each, None) for each in names)


class _Refused(NeedsOperator):
    """The request, perhaps because of its schema."""


def _headers(error: Exception) -> httpx.Headers:
    """Of the answer that an error is about, in either of the places where litellm keeps them."""
    found = getattr(error, "litellm_response_headers", None) or getattr(
        getattr(error, "response", None), "headers", None
    )
    return httpx.Headers(dict(found or {}))
