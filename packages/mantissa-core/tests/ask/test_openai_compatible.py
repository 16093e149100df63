from __future__ import annotations

import pytest
from mantissa_core.ask.providers.openai_compatible import OpenAICompatible
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Prompt
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Fault
from mantissa_core.testing.llm_provider import FakeOpenAI

SCHEMA = {"type": "object"}


def provider(server: FakeHTTP, **settings: object) -> OpenAICompatible:
    return OpenAICompatible(
        OpenAICompatible.Config.model_validate({"base_url": f"{server.url}/v1/", "model": "tiny", **settings})
    )


def test_the_request_has_the_documented_fields() -> None:
    with FakeOpenAI() as server:
        provider(server, max_tokens_field="max_completion_tokens").generate(Prompt("hi", max_tokens=9, temperature=0.5))
        [request] = server.requests
        assert request.path == "/v1/chat/completions"
        assert "authorization" not in request.headers
        assert request.json() == {
            "model": "tiny",
            "messages": [{"role": "user", "content": "hi"}],
            "temperature": 0.5,
            "max_completion_tokens": 9,
        }


def test_a_server_without_schemas_is_asked_once_and_then_for_an_object() -> None:
    with FakeOpenAI(knows_schemas=False) as server:
        server.reply = '```json\n{"a": 1}\n```'
        asking = provider(server)
        assert asking.generate_with_schema(Prompt("hi", system="be brief"), SCHEMA).data == {"a": 1}
        assert asking.generate_with_schema(Prompt("again"), SCHEMA).data == {"a": 1}
        formats = [request.json()["response_format"]["type"] for request in server.requests]
        assert formats == ["json_object", "json_object"]
        assert "be brief" in server.asked()[0]
        assert '{"type": "object"}' in server.asked()[0]


def test_what_the_server_says_about_a_wrong_request_is_shown() -> None:
    with FakeHTTP(lambda _: Answer(404, {"error": {"message": "model 'tiny' not found"}})) as server:
        with pytest.raises(NeedsOperator, match="model 'tiny' not found"):
            provider(server).generate(Prompt("hi"))
        with pytest.raises(NeedsOperator, match="model 'tiny' not found"):
            provider(server).generate_with_schema(Prompt("hi"), SCHEMA)


@pytest.mark.parametrize(
    "body",
    [b"<html>", [], {"choices": []}, {"choices": [{"message": {"content": None}}]}, {"choices": [{"message": "x"}]}],
)
def test_an_answer_of_another_shape_is_a_retry(body: object) -> None:
    with FakeHTTP(lambda _: Answer(200, body)) as server, pytest.raises(Retry):
        provider(server).generate(Prompt("hi"))


def test_missing_token_counts_are_zero() -> None:
    with FakeHTTP(lambda _: Answer(200, {"choices": [{"message": {"content": "yes"}}]})) as server:
        completion = provider(server).generate(Prompt("hi"))
    assert (completion.input_tokens, completion.output_tokens, completion.model) == (0, 0, "tiny")


def test_a_redirect_is_not_followed() -> None:
    with FakeOpenAI() as server:
        server.inject(Fault.REDIRECT)
        with pytest.raises(NeedsOperator, match="redirect"):
            provider(server, api_key="k").generate(Prompt("hi"))
        assert server.requests == []


def test_check_proves_the_key() -> None:
    with FakeOpenAI("right") as server:
        provider(server, api_key="right").check()
        with pytest.raises(NeedsOperator, match="credential"):
            provider(server, api_key="wrong").check()
