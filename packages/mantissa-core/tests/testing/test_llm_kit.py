"""The LLM kit, proven on the built-in provider and on variants that are wrong in one way each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from mantissa_core.ask.providers.openai_compatible import OpenAICompatible
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Completion, Piece, Prompt
from mantissa_core.testing.llm_provider import FakeOpenAI, Fault, LLMProviderContract

KEY = "sk-of-the-tests"


class TestOpenAICompatible(LLMProviderContract):
    secrets = (KEY,)

    def provider(self, server: FakeOpenAI) -> OpenAICompatible:
        settings = {"base_url": f"{server.url}/v1", "model": "tiny", "api_key": KEY, "timeout": 2}
        return OpenAICompatible(OpenAICompatible.Config.model_validate(settings))


class TestOpenAICompatibleWithAServerThatKnowsNoSchemas(TestOpenAICompatible):
    @pytest.fixture
    def server(self) -> Iterator[FakeOpenAI]:
        with FakeOpenAI(KEY, knows_schemas=False) as fake:
            yield fake


class Plain:
    """A provider as it should be, in a few lines; the wrong ones change one thing each."""

    def __init__(self, server: FakeOpenAI) -> None:
        self._client = httpx.Client(timeout=2, verify=False)
        self._url = f"{server.url}/chat/completions"

    @hookimpl
    def generate(self, prompt: Prompt) -> Completion:
        return self.completed(self.ask(prompt, {}))

    @hookimpl
    def generate_with_schema(self, prompt: Prompt, schema: Mapping[str, object]) -> Completion:
        named = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        done = self.completed(self.ask(prompt, {"response_format": named}))
        return Completion(done.text, done.model, done.input_tokens, done.output_tokens, self.parsed(done.text))

    @hookimpl
    def stream(self, prompt: Prompt, schema: Mapping[str, object] | None) -> Iterator[Piece]:
        named = {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}
        counted = {"stream": True, "stream_options": {"include_usage": True}}
        text, last = "", {}
        for chunk in self.chunks(prompt, {**counted, **(named if schema else {})}):
            last = {**last, **{name: each for name, each in chunk.items() if each}}
            if chunk["choices"] and (part := chunk["choices"][0]["delta"].get("content")):
                text += part
                yield Piece(part)
        yield self.ended(text, last, schema)

    def ended(self, text: str, last: Mapping[str, Any], schema: object) -> Piece:
        if "usage" not in last:
            raise Retry("broke off")
        data = self.parsed(text) if schema else None
        usage = last["usage"]
        completion = Completion(text, last["model"], usage["prompt_tokens"], usage["completion_tokens"], data)
        return Piece(completion=completion)

    def chunks(self, prompt: Prompt, more: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        body = {"model": "tiny", "messages": self.messages(prompt), **more}
        headers = {"Authorization": f"Bearer {KEY}"}
        try:
            with self._client.stream("POST", self._url, json=body, headers=headers) as response:
                response.read() if response.status_code != 200 else None
                self.judge(response)
                for line in response.iter_lines():
                    if line.startswith("data: {"):
                        try:
                            yield json.loads(line[6:])
                        except ValueError as error:
                            raise Retry("cut off") from error
        except httpx.TransportError as error:
            raise Retry("no answer") from error

    def ask(self, prompt: Prompt, more: Mapping[str, Any]) -> dict[str, Any]:
        body = {"model": "tiny", "messages": self.messages(prompt), **more}
        try:
            response = self._client.post(self._url, json=body, headers={"Authorization": f"Bearer {KEY}"})
        except httpx.TransportError as error:
            raise Retry("no answer") from error
        self.judge(response)
        return self.decoded(response)

    def messages(self, prompt: Prompt) -> list[dict[str, str]]:
        system = [{"role": "system", "content": prompt.system}] if prompt.system else []
        return [*system, {"role": "user", "content": prompt.user}]

    def judge(self, response: httpx.Response) -> None:
        if response.status_code in (429, 503):
            raise Retry("busy", float(response.headers.get("Retry-After", 1)))
        if response.status_code != 200:
            raise NeedsOperator(f"answered {response.status_code}")

    def decoded(self, response: httpx.Response) -> dict[str, Any]:
        try:
            return dict(response.json())
        except ValueError as error:
            raise Retry("cut off") from error

    def completed(self, answer: Mapping[str, Any]) -> Completion:
        usage = answer["usage"]
        text = answer["choices"][0]["message"]["content"]
        return Completion(text, answer["model"], usage["prompt_tokens"], usage["completion_tokens"])

    def parsed(self, text: str) -> Any:
        try:
            data = json.loads(text)
        except ValueError as error:
            raise Retry("no JSON") from error
        if not isinstance(data, dict):
            raise Retry("no object")
        return data


class WithoutAHook(Plain):
    def generate(self, prompt: Prompt) -> Completion:
        return super().generate(prompt)


class CountsWords(Plain):
    def completed(self, answer: Mapping[str, Any]) -> Completion:
        done = super().completed(answer)
        return Completion(done.text, done.model, len(done.text.split()), done.output_tokens)


class ForgetsTheSystem(Plain):
    def messages(self, prompt: Prompt) -> list[dict[str, str]]:
        return super().messages(prompt)[-1:]


class AlwaysSendsASystem(Plain):
    def messages(self, prompt: Prompt) -> list[dict[str, str]]:
        return [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]


class LeavesDataAsText(Plain):
    def parsed(self, text: str) -> Any:
        super().parsed(text)
        return None


class TakesAnyJson(Plain):
    def parsed(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            return {"text": text}


class GivesUpOnPassingFailures(Plain):
    def judge(self, response: httpx.Response) -> None:
        if response.status_code != 200:
            raise NeedsOperator(f"answered {response.status_code}")


class TakesACutAnswerForAnEmptyOne(Plain):
    def decoded(self, response: httpx.Response) -> dict[str, Any]:
        try:
            return super().decoded(response)
        except Retry:
            usage = {"prompt_tokens": 0, "completion_tokens": 0}
            return {"choices": [{"message": {"content": ""}}], "usage": usage, "model": "tiny"}


class RetriesARefusedKey(Plain):
    def judge(self, response: httpx.Response) -> None:
        if response.status_code != 200:
            raise Retry("not now", 7)


class TellsWhatTheServerSaid(Plain):
    def judge(self, response: httpx.Response) -> None:
        if response.status_code == 400:
            raise NeedsOperator(response.text)
        super().judge(response)


class KeepsTheCountsOfAStreamToItself(Plain):
    def ended(self, text: str, last: Mapping[str, Any], schema: object) -> Piece:
        return Piece(text)


class TakesACutStreamForAWholeOne(Plain):
    def ended(self, text: str, last: Mapping[str, Any], schema: object) -> Piece:
        return super().ended(text, {"usage": {"prompt_tokens": 0, "completion_tokens": 0}, **last}, schema)


WRONG: list[tuple[str, type[Plain], Mapping[str, Any]]] = [
    ("test_every_hook_is_marked_with_hookimpl", WithoutAHook, {}),
    ("test_an_answer_comes_with_the_providers_own_counts", CountsWords, {}),
    ("test_both_parts_of_the_prompt_reach_the_model", ForgetsTheSystem, {}),
    ("test_a_prompt_without_a_system_part_works", AlwaysSendsASystem, {}),
    ("test_a_schema_yields_an_object", LeavesDataAsText, {}),
    ("test_an_answer_that_is_no_object_is_a_retry", TakesAnyJson, {"reply": "[1]"}),
    ("test_an_answer_that_is_no_object_is_a_retry", TakesAnyJson, {"reply": "no"}),
    ("test_a_passing_failure_is_a_retry", GivesUpOnPassingFailures, {"fault": Fault.SERVER_ERROR}),
    ("test_a_passing_failure_is_a_retry", TakesACutAnswerForAnEmptyOne, {"fault": Fault.TRUNCATED}),
    ("test_a_stream_ends_with_the_whole_answer_and_the_providers_own_counts", KeepsTheCountsOfAStreamToItself, {}),
    ("test_a_stream_with_a_schema_ends_with_an_object", LeavesDataAsText, {}),
    ("test_a_stream_of_no_object_is_a_retry", TakesAnyJson, {"reply": "[1]"}),
    ("test_a_stream_fails_as_a_whole_answer_does", TakesACutStreamForAWholeOne, {"fault": Fault.TRUNCATED}),
    ("test_a_stream_fails_as_a_whole_answer_does", RetriesARefusedKey, {"fault": Fault.REFUSED}),
    ("test_a_refused_credential_needs_the_operator", RetriesARefusedKey, {}),
    ("test_secrets_stay_out_of_sight", TellsWhatTheServerSaid, {}),
]


def contract_for(provider: type[Plain]) -> LLMProviderContract:
    class Contract(LLMProviderContract):
        secrets = (KEY,)

        def provider(self, server: FakeOpenAI) -> Plain:
            return provider(server)

    return Contract()


@pytest.mark.parametrize(("test", "wrong", "arguments"), WRONG, ids=[wrong.__name__ for _, wrong, _ in WRONG])
def test_a_wrong_provider_fails(
    test: str, wrong: type[Plain], arguments: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    more = {**arguments, **({"caplog": caplog} if "secrets" in test else {})}
    with FakeOpenAI(KEY) as server:
        getattr(contract_for(Plain), test)(server, **more)
    with FakeOpenAI(KEY) as server, pytest.raises((AssertionError, pytest.fail.Exception, NeedsOperator, Retry)):
        getattr(contract_for(wrong), test)(server, **more)


def test_every_test_of_the_kit_is_proven_by_a_wrong_provider() -> None:
    assert {name for name in dir(LLMProviderContract) if name.startswith("test_")} == {test for test, _, _ in WRONG}
