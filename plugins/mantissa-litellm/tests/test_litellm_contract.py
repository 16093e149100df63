from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_bedrock import FakeBedrock
from fake_vertex import MODEL, REGION, TOKEN, FakeVertex
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


class TestVertexAI(LLMProviderContract):
    secrets = (TOKEN,)

    @pytest.fixture
    def server(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVertex]:
        with FakeVertex() as fake:
            key = tmp_path / "service-account.json"
            key.write_text(fake.credentials())
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
            yield fake

    def provider(self, server: FakeVertex) -> LiteLLM:
        settings = {"vendor": "vertex_ai", "model": MODEL, "project": server.project, "region": REGION, "timeout": 3}
        return LiteLLM(LiteLLM.Config.model_validate({**settings, "base_url": server.url}))
