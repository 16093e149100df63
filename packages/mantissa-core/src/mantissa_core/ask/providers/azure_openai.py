"""The provider ``core.azure_openai``: a model that is deployed in an Azure OpenAI resource.

Request and answer: https://learn.microsoft.com/azure/ai-services/openai/reference
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import Field, HttpUrl, SecretStr

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.completion import Completion, Piece, Prompt

from .chat_completions import ChatCompletions
from .wire import Wire


class AzureOpenAI:
    """Sends each prompt as one chat to one deployment."""

    class Config(PluginConfig):
        """Which resource and which deployment."""

        endpoint: HttpUrl = Field(json_schema_extra={"env": "AZURE_OPENAI_ENDPOINT"})
        """Address of the resource, such as ``https://example.openai.azure.com``."""
        deployment: Annotated[str, Field(min_length=1)] = Field(json_schema_extra={"env": "AZURE_OPENAI_DEPLOYMENT"})
        """The deployment's name, which you chose; it stands for a model."""
        api_key: SecretStr = Field(json_schema_extra={"env": "AZURE_OPENAI_API_KEY"})
        """One of the resource's two keys, sent as ``api-key``."""
        api_version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}(-preview)?$")] = Field(
            default="2024-10-21", json_schema_extra={"env": "AZURE_OPENAI_API_VERSION"}
        )
        """Version of the API."""
        timeout: Annotated[float, Field(gt=0, le=600)] = 60.0
        """Seconds to wait for the connection, and for each part of the answer."""
        max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
        """The field that limits the answer's length; reasoning models want the second name."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._base = f"{str(config.endpoint).rstrip('/')}/openai"
        self._query = f"api-version={config.api_version}"
        self._wire = Wire(config.timeout, config.api_key, "api-key")
        url = f"{self._base}/deployments/{quote(config.deployment, safe='')}/chat/completions?{self._query}"
        # The deployment says which model it is.
        self._chats = ChatCompletions(self._wire, url, config.deployment, config.max_tokens_field, names_model=False)

    @hookimpl
    def check(self) -> None:
        """List the models that the resource may deploy: that proves the address and the key, and costs nothing."""
        self._wire.get(f"{self._base}/models?{self._query}")

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
