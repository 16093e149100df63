"""The kit for language models, on each provider that needs no library."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_models import FakeAnthropic, FakeAzureOpenAI, FakeGemini
from mantissa_core.ask.providers.anthropic import Anthropic
from mantissa_core.ask.providers.azure_openai import AzureOpenAI
from mantissa_core.ask.providers.gemini import Gemini
from mantissa_core.testing.llm_provider import LLMProviderContract

KEY = "key-of-the-tests"


class TestAnthropic(LLMProviderContract):
    secrets = (KEY,)

    @pytest.fixture
    def server(self) -> Iterator[FakeAnthropic]:
        with FakeAnthropic(KEY) as fake:
            yield fake

    def provider(self, server: FakeAnthropic) -> Anthropic:
        settings = {"base_url": server.url, "model": "tiny", "api_key": KEY, "timeout": 2}
        return Anthropic(Anthropic.Config.model_validate(settings))


class TestGemini(LLMProviderContract):
    secrets = (KEY,)

    @pytest.fixture
    def server(self) -> Iterator[FakeGemini]:
        with FakeGemini(KEY) as fake:
            yield fake

    def provider(self, server: FakeGemini) -> Gemini:
        settings = {"base_url": f"{server.url}/v1beta/", "model": "tiny", "api_key": KEY, "timeout": 2}
        return Gemini(Gemini.Config.model_validate(settings))


class TestAzureOpenAI(LLMProviderContract):
    secrets = (KEY,)

    @pytest.fixture
    def server(self) -> Iterator[FakeAzureOpenAI]:
        with FakeAzureOpenAI(KEY) as fake:
            yield fake

    def provider(self, server: FakeAzureOpenAI) -> AzureOpenAI:
        settings = {"endpoint": server.url, "deployment": "our model", "api_key": KEY, "timeout": 2}
        return AzureOpenAI(AzureOpenAI.Config.model_validate(settings))
