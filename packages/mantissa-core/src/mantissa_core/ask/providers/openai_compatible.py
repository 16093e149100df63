"""The provider ``core.openai_compatible``: any server that speaks the chat completions API, hosted or local."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, SecretStr

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.completion import Completion, Piece, Prompt

from .chat_completions import ChatCompletions
from .wire import Wire


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
        self._base = str(config.base_url).rstrip("/")
        self._wire = Wire(config.timeout, config.api_key, "Authorization", "Bearer ")
        self._chats = ChatCompletions(
            self._wire, f"{self._base}/chat/completions", config.model, config.max_tokens_field
        )

    @hookimpl
    def check(self) -> None:
        """List the server's models: that proves the address and the key, and costs nothing."""
        self._wire.get(f"{self._base}/models")

    @hookimpl
    def generate(self, prompt: Prompt) -> Completion:
        """Answer in free text."""
        return self._chats.generate(prompt)

    @hookimpl
    def generate_with_schema(self, prompt: Prompt, schema: Mapping[str, object]) -> Completion:
        """Answer with a JSON object."""
        return self._chats.generate_with_schema(prompt, schema)

    @hookimpl
    def stream(self, prompt: Prompt, schema: Mapping[str, object] | None) -> Iterator[Piece]:
        """Answer piece by piece."""
        return self._chats.stream(prompt, schema)
