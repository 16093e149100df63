"""What is peculiar to each vendor's format, and the providers that a variable selects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_models import FakeAnthropic, FakeAzureOpenAI, FakeGemini
from mantissa_core.ask.providers.anthropic import Anthropic
from mantissa_core.ask.providers.azure_openai import AzureOpenAI
from mantissa_core.ask.providers.gemini import Gemini
from mantissa_core.ask.providers.openai_compatible import OpenAICompatible
from mantissa_core.ask.providers.presets import PRESETS
from mantissa_core.config import load
from mantissa_core.errors import NeedsOperator, PluginError, Retry, Unusable
from mantissa_core.hookspecs import LLMProvider
from mantissa_core.model import Prompt
from mantissa_core.parts import Parts
from mantissa_core.testing.fake_http import Answer, FakeHTTP
from mantissa_core.testing.llm_provider import FakeOpenAI

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def anthropic(server: FakeHTTP, key: str = "k") -> Anthropic:
    settings = {"base_url": server.url, "model": "tiny", "api_key": key, "timeout": 5}
    return Anthropic(Anthropic.Config.model_validate(settings))


def gemini(server: FakeHTTP, key: str = "k") -> Gemini:
    settings = {"base_url": f"{server.url}/v1beta", "model": "tiny", "api_key": key, "timeout": 5}
    return Gemini(Gemini.Config.model_validate(settings))


def azure(server: FakeHTTP, key: str = "k") -> AzureOpenAI:
    settings = {"endpoint": server.url, "deployment": "our model", "api_key": key, "timeout": 5}
    return AzureOpenAI(AzureOpenAI.Config.model_validate(settings))


def test_anthropic_is_asked_at_temperature_0_for_4096_tokens_and_made_to_call_a_tool() -> None:
    with FakeAnthropic("k") as server:
        server.reply = '{"a": 1}'
        assert anthropic(server).generate_with_schema(Prompt("hi", "be brief"), SCHEMA).data == {"a": 1}
        [body] = server.bodies()
    assert (body["temperature"], body["max_tokens"], body["system"]) == (0.0, 4096, "be brief")
    assert body["tool_choice"] == {"type": "tool", "name": body["tools"][0]["name"]}
    assert body["tools"][0]["input_schema"] == SCHEMA


def test_gemini_gets_the_schema_and_reports_thoughts_among_the_tokens() -> None:
    with FakeGemini("k") as server:
        server.reply = '{"a": 1}'
        answer = gemini(server).generate_with_schema(Prompt("hi"), SCHEMA)
        [body] = server.bodies()
    assert (answer.data, answer.output_tokens, answer.model) == ({"a": 1}, 7, "tiny-001")
    assert body["generationConfig"] == {
        "temperature": 0.0,
        "maxOutputTokens": 4096,
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
    }


def test_a_gemini_model_without_schemas_finds_it_in_the_system_instruction() -> None:
    with FakeGemini("k") as server:
        server.knows_schemas, server.reply = False, '{"a": 1}'
        asking = gemini(server)
        assert asking.generate_with_schema(Prompt("hi", "be brief"), SCHEMA).data == {"a": 1}
        assert asking.generate_with_schema(Prompt("again"), SCHEMA).data == {"a": 1}
        assert "be brief" in server.asked()[0]
        assert "integer" in server.asked()[0]
        assert len(server.bodies()) == 2


def test_azure_names_deployment_and_version_in_the_address() -> None:
    with FakeAzureOpenAI("k") as server:
        azure(server).generate(Prompt("hi"))
        [request] = server.requests
    assert request.path == "/openai/deployments/our%20model/chat/completions?api-version=2024-10-21"


@pytest.mark.parametrize("fake", [FakeAnthropic, FakeGemini])
def test_a_model_that_takes_no_temperature_is_asked_without_from_then_on(fake: Any) -> None:
    with fake("k", fixed_temperature=True) as server:
        asking = (anthropic if fake is FakeAnthropic else gemini)(server)
        assert [asking.generate(Prompt("hi")).text for _ in range(2)] == ["nothing", "nothing"]
        assert "temperature" not in str(server.bodies())
        assert len(server.bodies()) == 2


@pytest.mark.parametrize(
    ("fake", "stopped", "why"),
    [
        (FakeAnthropic, "max_tokens", "truncated"),
        (FakeAnthropic, "refusal", "declined"),
        (FakeGemini, "MAX_TOKENS", "truncated"),
        (FakeGemini, "SAFETY", "declined"),
        (FakeGemini, "BLOCKED", "declined"),
    ],
)
def test_an_answer_cut_short_or_declined_says_so_and_what_it_cost(fake: Any, stopped: str, why: str) -> None:
    with fake("k") as server:
        server.stopped, server.reply = stopped, '{"a": 1'
        asking = (anthropic if fake is FakeAnthropic else gemini)(server)
        for ask in (lambda: asking.generate(Prompt("hi")), lambda: asking.generate_with_schema(Prompt("hi"), SCHEMA)):
            with pytest.raises(Unusable) as caught:
                ask()
            assert (caught.value.why, caught.value.input_tokens, caught.value.output_tokens) == (why, 42, 7)


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        ({"message": {"content": '{"a": '}, "finish_reason": "length"}, "truncated"),
        ({"message": {"content": None}, "finish_reason": "content_filter"}, "declined"),
        ({"message": {"content": None, "refusal": "I cannot."}, "finish_reason": "stop"}, "declined"),
    ],
)
def test_chats_that_are_cut_short_or_declined_say_so(choice: object, why: str) -> None:
    with FakeHTTP(lambda _: Answer(200, {"choices": [choice]})) as server:
        config = OpenAICompatible.Config.model_validate({"base_url": server.url, "model": "tiny"})
        with pytest.raises(Unusable) as caught:
            OpenAICompatible(config).generate_with_schema(Prompt("hi"), SCHEMA)
    assert caught.value.why == why


@pytest.mark.parametrize("make", [anthropic, gemini, azure])
@pytest.mark.parametrize("body", [b"<html>", [], {}, {"content": [{}]}, {"candidates": []}, {"candidates": [{}]}])
def test_an_answer_of_another_shape_is_a_retry(make: Any, body: object) -> None:
    with FakeHTTP(lambda _: Answer(200, body)) as server, pytest.raises(Retry):
        make(server).generate(Prompt("hi"))


@pytest.mark.parametrize("make", [anthropic, gemini, azure])
def test_an_overloaded_server_is_a_retry_and_a_forbidden_model_is_not(make: Any) -> None:
    with FakeHTTP(lambda _: Answer(529, {"type": "error"})) as server, pytest.raises(Retry):
        make(server).generate(Prompt("hi"))
    with FakeHTTP(lambda _: Answer(403, {"type": "error"})) as server, pytest.raises(NeedsOperator):
        make(server).generate(Prompt("hi"))


@pytest.mark.parametrize(("make", "fake"), [(anthropic, FakeAnthropic), (gemini, FakeGemini), (azure, FakeAzureOpenAI)])
def test_check_proves_the_key(make: Any, fake: Any) -> None:
    with fake("right") as server:
        make(server, "right").check()
        with pytest.raises(NeedsOperator, match="credential"):
            make(server, "wrong").check()


VARIABLES = sorted({name for each in PRESETS.values() for names in each.variables.values() for name in names})


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*VARIABLES, "LLM_PROVIDER", "AZURE_OPENAI_API_VERSION", "ANTHROPIC_MODEL", "GEMINI_MODEL"]:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("anthropic", {"ANTHROPIC_API_KEY": "k"}),
        ("openai", {"OPENAI_API_KEY": "k"}),
        ("google", {"GOOGLE_API_KEY": "k"}),
        ("google", {"GEMINI_API_KEY": "k"}),
        ("azure_openai", {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://example.openai.azure.com"}),
        ("openrouter", {"OPENROUTER_API_KEY": "k"}),
    ],
)
def test_a_variable_selects_a_provider_that_no_section_names(
    name: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable, value in {"LLM_PROVIDER": name, **variables}.items():
        monkeypatch.setenv(variable, value)
    settings, home = load({"home": tmp_path})
    assert settings.ask.provider == name
    parts = Parts(settings, home)
    parts.plugin(LLMProvider, name)
    assert parts.host.quarantine == {}


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("openai", "OPENAI_API_KEY"),
        ("google", "GEMINI_API_KEY"),
        ("azure_openai", "AZURE_OPENAI_ENDPOINT"),
        ("openrouter", "OPENROUTER_API_KEY"),
    ],
)
def test_a_variable_that_is_missing_is_named(
    name: str, missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LLM_PROVIDER", name)
    settings, home = load({"home": tmp_path})
    with pytest.raises(PluginError, match=missing):
        Parts(settings, home).plugin(LLMProvider, name).generate(Prompt("hi"))


FAKES: dict[str, tuple[Any, str, str, dict[str, str]]] = {
    "anthropic": (FakeAnthropic, "base_url", "", {"ANTHROPIC_API_KEY": "k"}),
    "openai": (FakeOpenAI, "base_url", "/v1", {"OPENAI_API_KEY": "k"}),
    "google": (FakeGemini, "base_url", "/v1beta", {"GEMINI_API_KEY": "k", "GEMINI_MODEL": "tiny"}),
    "azure_openai": (FakeAzureOpenAI, "endpoint", "",
                     {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_DEPLOYMENT": "our model"}),
    "openrouter": (FakeOpenAI, "base_url", "/api/v1", {"OPENROUTER_API_KEY": "k", "OPENROUTER_MODEL": "a/b"}),
}  # fmt: skip
"""What each preset that needs no library is tried against: its own section, with another address alone."""


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("name", sorted(FAKES))
def test_a_preset_answers_and_streams_over_the_wire(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake, address, path, variables = FAKES[name]
    for variable, value in {"LLM_PROVIDER": name, **variables}.items():
        monkeypatch.setenv(variable, value)
    with fake("k") as server:
        section = {**PRESETS[name].section(variables), address: f"{server.url}{path}"}
        settings, home = load({"home": tmp_path, "llm_providers": {name: section}})
        provider = Parts(settings, home).plugin(LLMProvider, name)
        assert (provider.generate(Prompt("hi")).text, settings.ask.provider) == ("nothing", name)
        server.reply = '{"a": 1}'
        assert provider.generate_with_schema(Prompt("hi"), SCHEMA).data == {"a": 1}
        *_, last = provider.stream(Prompt("hi"), SCHEMA)
        assert last.completion is not None
        assert (last.completion.data, last.completion.input_tokens) == ({"a": 1}, 42)


def test_the_addresses_of_presets_are_the_vendors() -> None:
    sections = {name: preset.section({}) for name, preset in PRESETS.items()}
    assert sections["openai"]["base_url"] == "https://api.openai.com/v1"
    assert sections["openrouter"]["base_url"] == "https://openrouter.ai/api/v1"
    assert str(Anthropic.Config.model_fields["base_url"].default) == "https://api.anthropic.com/"
    assert str(Gemini.Config.model_fields["base_url"].default) == "https://generativelanguage.googleapis.com/v1beta"


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("key", [None, "k"], ids=["Ollama", "vLLM with --api-key"])
def test_a_server_of_ones_own_answers_and_streams_with_and_without_a_key(
    key: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if key:
        monkeypatch.setenv("VLLM_KEY", key)
    with FakeOpenAI(key) as server:
        local = {"plugin": "core.openai_compatible", "base_url": f"{server.url}/v1", "model": "qwen2.5:7b"}
        own = {**local, **({"api_key": "env:VLLM_KEY"} if key else {})}
        settings, home = load({"home": tmp_path, "ask": {"provider": "local"}, "llm_providers": {"local": own}})
        provider = Parts(settings, home).plugin(LLMProvider, "local")
        assert provider.generate(Prompt("hi")).text == "nothing"
        *_, last = provider.stream(Prompt("hi"), None)
        assert last.completion == provider.generate(Prompt("hi"))
        assert {"authorization" in each.headers for each in server.requests} == {key is not None}


@pytest.mark.usefixtures("empty")
def test_a_section_of_the_name_wins_over_the_preset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    own = {"plugin": "core.anthropic", "model": "mine"}
    settings, _ = load({"home": tmp_path, "ask": {"provider": "anthropic"}, "llm_providers": {"anthropic": own}})
    assert settings.llm_providers["anthropic"].settings == {"model": "mine"}


@pytest.mark.usefixtures("empty")
def test_the_key_of_openai_goes_to_no_other_server_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "for-openai-alone")
    with FakeOpenAI() as server:
        local = {"plugin": "core.openai_compatible", "base_url": server.url, "model": "tiny"}
        settings, home = load({"home": tmp_path, "llm_providers": {"local": local}})
        Parts(settings, home).plugin(LLMProvider, "local").generate(Prompt("hi"))
        [request] = server.requests
    assert "for-openai-alone" not in str(request.headers)
