from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_bedrock import FakeBedrock
from mantissa_core.testing.llm_provider import FakeOpenAI, LLMProviderContract
from mantissa_litellm.provider import LiteLLM

KEY = "sk-of-the-tests"


class TestLiteLLM(LLMProviderContract):
    secrets = (KEY,)

    def provider(self, server: FakeOpenAI) -> LiteLLM:
        settings = {"vendor": "hosted_vllm", "model": "tiny", "base_url": server.url, "api_key": KEY, "timeout": 3}
        return LiteLLM(LiteLLM.Config.model_validate(settings))


class TestLiteLLMWithAServerThatKnowsNoSchemas(TestLiteLLM):
    @pytest.fixture
    def server(self) -> Iterator[FakeOpenAI]:
        with FakeOpenAI(KEY, knows_schemas=False) as fake:
            yield fake


class TestBedrock(LLMProviderContract):
    secrets = ("not-a-secret",)

    @pytest.fixture
    def server(self) -> Iterator[FakeBedrock]:
        with FakeBedrock() as fake:
            yield fake

    def provider(self, server: FakeBedrock) -> LiteLLM:
        settings = {
            "vendor": "bedrock",
            "model": "global.anthropic.claude-sonnet-4-6",
            "region": "us-east-1",
            "timeout": 3,
        }
        return LiteLLM(LiteLLM.Config.model_validate({**settings, "base_url": server.url}))
