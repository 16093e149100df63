"""The conformance kit of LLM providers, and what this one promises beyond it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Prompt
from mantissa_core.testing.fake_http import Answer, FakeHTTP
from mantissa_core.testing.llm_provider import LLMProviderContract

from fake_acme import MODEL, TOKEN, FakeAcme
from mantissa_acme.llm_provider import Gadget


def provider(server: FakeHTTP, **changes: str) -> Gadget:
    settings = {"url": f"{server.url}/v1", "model": MODEL, "token": TOKEN, "timeout": 2}
    return Gadget(Gadget.Config.model_validate({**settings, **changes}))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAcme]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeAcme() as server:
        yield server


class TestGadget(LLMProviderContract):
    secrets = (TOKEN,)

    @pytest.fixture
    def server(self, fake: FakeAcme) -> FakeAcme:
        return fake

    def provider(self, server: FakeAcme) -> Gadget:
        return provider(server)


def test_the_limits_of_a_prompt_and_the_schema_are_passed_on(fake: FakeAcme) -> None:
    fake.reply = "{}"
    provider(fake).generate_with_schema(Prompt("why?", max_tokens=9, temperature=0.5), {"type": "object"})
    [chat] = fake.chats
    assert (chat["max_tokens"], chat["temperature"]) == (9, 0.5)
    assert chat["answer_schema"] == {"type": "object"}


@pytest.mark.parametrize("body", [b"", b"<html>", [], {"text": "no model"}, {"text": "x", "model": "m", "usage": 1}])
def test_an_answer_of_another_shape_is_a_retry(monkeypatch: pytest.MonkeyPatch, body: object) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeHTTP(lambda _request: Answer(200, body)) as server, pytest.raises(Retry, match="something else"):
        provider(server).generate(Prompt("why?"))


def test_a_check_costs_nothing_and_finds_what_is_wrong(fake: FakeAcme) -> None:
    provider(fake).check()
    with pytest.raises(NeedsOperator, match="check the credential"):
        provider(fake, token="wrong").check()
    with pytest.raises(NeedsOperator, match="no such model"):
        provider(fake, model="acme-large").check()
    assert fake.chats == []
