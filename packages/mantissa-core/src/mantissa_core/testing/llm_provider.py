# ruff: noqa: D102  # a test's name is the promise that it checks
"""Conformance kit for LLM providers: subclass :class:`LLMProviderContract` in a test module.

Against the OpenAI-like fake of this module::

    class TestAcme(LLMProviderContract):
        secrets = ("s3cret",)

        def provider(self, server):
            return Acme(Acme.Config(base_url=server.url, model="m", api_key="s3cret", timeout=2))

A provider of another wire format overrides the fixture ``server`` with a fake of its own (:class:`Model`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Protocol

import pytest

from mantissa_core.errors import MantissaError, NeedsOperator, Retry
from mantissa_core.hookspecs import PROJECT
from mantissa_core.model import Completion, Piece, Prompt

from .fake_http import RETRY_AFTER, Answer, FakeHTTP, Fault, Request
from .sse import cut, event, halves

__all__ = ["FakeOpenAI", "Fault", "LLMProviderContract", "Model"]

SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"type": "string"}},
    "required": ["verdict"],
    "additionalProperties": False,
}
PROMPT = Prompt(user="What happened at 09:00? Zoë 李 🔥", system="Answer in one word.", max_tokens=64)


class Model(Protocol):
    """The fake of a model's server."""

    faults: frozenset[Fault]
    reply: str
    """The text that it answers."""
    input_tokens: int
    output_tokens: int

    def asked(self) -> Sequence[str]:
        """The text of every prompt that it accepted, roles and contents."""

    def inject(self, fault: Fault) -> None:
        """Misbehave until :meth:`heal`."""

    def heal(self) -> None:
        """Behave again."""


class FakeOpenAI(FakeHTTP):
    """A server of the chat completions API that refuses what the real one refuses.

    ``key`` is the accepted one, ``knows_schemas=False`` is a server that answers 400 to ``json_schema``,
    ``counts_streams=False`` one that refuses ``stream_options``, ``streams=False`` one that refuses ``stream``.
    """

    def __init__(
        self,
        key: str | None = None,
        *,
        knows_schemas: bool = True,
        counts_streams: bool = True,
        streams: bool = True,
    ) -> None:
        super().__init__()
        self._counts_streams, self._streams = counts_streams, streams
        self.reply, self.input_tokens, self.output_tokens = "nothing", 42, 7
        self._key, self._knows_schemas = key, knows_schemas

    def asked(self) -> Sequence[str]:
        """The messages of every accepted request."""
        return [
            " ".join(f"{message['role']}: {message['content']}" for message in request.json()["messages"])
            for request in self.requests
            if request.path.endswith("/chat/completions")
        ]

    def answer(self, request: Request) -> Answer:
        """Answer, or refuse as the real server does."""
        if self._key and request.headers.get("authorization") != f"Bearer {self._key}":
            return Answer(401, {"error": {"message": f"wrong key {request.headers.get('authorization')}"}})
        if request.method == "GET" and request.path.endswith("/models"):
            return Answer(200, {"data": [{"id": "model"}]})
        if request.method != "POST" or not request.path.endswith("/chat/completions"):
            return Answer(404, {"error": {"message": "no such path"}})
        wrong = self._wrong(request)
        if wrong:
            self.requests.remove(request)
            return Answer(400, {"error": {"message": wrong}})
        if request.json().get("stream"):
            return Answer(200, cut(self.chunks(request.json())))
        return Answer(
            200,
            {
                "object": "chat.completion",
                "model": f"{request.json()['model']}-2026",
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": self.reply}, "finish_reason": "stop"}
                ],
                "usage": {"prompt_tokens": self.input_tokens, "completion_tokens": self.output_tokens},
            },
        )

    def chunks(self, body: Any) -> Iterator[bytes]:
        """The events of a streamed answer; the first is about no choice, as Azure's, and a comment keeps it alive."""
        deltas: list[Any] = [{"role": "assistant", "content": ""}, *({"content": each} for each in halves(self.reply))]
        yield b": still here\n\n"
        yield self.chunk(body)
        for delta in deltas:
            yield self.chunk(body, {"index": 0, "delta": delta, "finish_reason": None})
        yield self.chunk(body, {"index": 0, "delta": {}, "finish_reason": "stop"})
        if body.get("stream_options", {}).get("include_usage"):
            yield self.chunk(body, usage={"prompt_tokens": self.input_tokens, "completion_tokens": self.output_tokens})
        yield event("[DONE]")

    def chunk(self, body: Any, *choices: Any, usage: Any = None) -> bytes:
        """One event of a streamed answer."""
        kind = {"object": "chat.completion.chunk", "model": f"{body['model']}-2026"}
        return event({**kind, "choices": list(choices), "usage": usage})

    def _wrong(self, request: Request) -> str | None:
        body = request.json()
        messages = body.get("messages")
        if "stream_options" in body and not (self._counts_streams and body.get("stream")):
            return "Unknown parameter: 'stream_options'."
        if body.get("stream") and not self._streams:
            return "Unsupported value: 'stream' does not support true with this model."
        if not isinstance(body.get("model"), str) or not messages:
            return "'model' and 'messages' are required"
        if any(not isinstance(each.get("content"), str) or not each["content"] for each in messages):
            return "a message needs content"
        asked = body.get("response_format", {}).get("type", "text")
        if asked == "json_schema":
            named = body["response_format"].get("json_schema", {})
            if not self._knows_schemas:
                return "response_format json_schema is not supported"
            if not (named.get("name") and isinstance(named.get("schema"), dict)):
                return "json_schema needs a name and a schema"
        if asked == "json_object" and "json" not in json.dumps(messages).lower():
            return "with json_object the word 'JSON' must be in a message"
        return None


class LLMProviderContract:
    """What every LLM provider must do. Override :meth:`provider`, and :meth:`server` for another wire format."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """The credentials that :meth:`provider` configures."""

    @pytest.fixture
    def server(self) -> Iterator[Model]:
        """Yield a fresh fake; this one accepts the first of :attr:`secrets`."""
        with FakeOpenAI(next(iter(self.secrets), None)) as fake:
            yield fake

    def provider(self, server: Any) -> Any:
        """Build the plugin, so that it asks ``server``."""
        raise NotImplementedError("override 'provider'")

    def test_every_hook_is_marked_with_hookimpl(self, server: Any) -> None:
        provider = self.provider(server)
        for hook in ("generate", "generate_with_schema"):
            assert hasattr(getattr(provider, hook), f"{PROJECT}_impl"), f"decorate {hook!r} with @hookimpl"

    def test_an_answer_comes_with_the_providers_own_counts(self, server: Any) -> None:
        server.reply = "A login. Größe 李 🔥"
        answer = self.provider(server).generate(PROMPT)
        assert isinstance(answer, Completion)
        assert (answer.text, answer.input_tokens, answer.output_tokens) == (server.reply, 42, 7)
        assert answer.model, "name the model that answered"
        assert answer.data is None

    def test_both_parts_of_the_prompt_reach_the_model(self, server: Any) -> None:
        self.provider(server).generate(PROMPT)
        [asked] = server.asked()
        assert PROMPT.user in asked
        assert PROMPT.system in asked

    def test_a_prompt_without_a_system_part_works(self, server: Any) -> None:
        assert self.provider(server).generate(Prompt(user="hello")).text == server.reply

    def test_a_schema_yields_an_object(self, server: Any) -> None:
        server.reply = '{"verdict": "benign"}'
        answer = self.provider(server).generate_with_schema(PROMPT, SCHEMA)
        assert answer.data == {"verdict": "benign"}
        assert (answer.input_tokens, answer.output_tokens) == (42, 7)
        assert PROMPT.user in server.asked()[-1]

    @pytest.mark.parametrize("reply", ["I would rather not.", '["benign"]', '{"verdict": ', "", "null"])
    def test_an_answer_that_is_no_object_is_a_retry(self, server: Any, reply: str) -> None:
        server.reply = reply
        with pytest.raises(Retry):
            self.provider(server).generate_with_schema(PROMPT, SCHEMA)

    @pytest.mark.parametrize("fault", [Fault.BUSY, Fault.SERVER_ERROR, Fault.TIMEOUT, Fault.TRUNCATED])
    def test_a_passing_failure_is_a_retry(self, server: Any, fault: Fault) -> None:
        provider = self.provider(server)
        error = self._failure(server, fault, lambda: provider.generate(PROMPT))
        assert isinstance(error, Retry), f"{fault.name} must raise Retry, not {error!r}"
        if fault is Fault.BUSY:
            assert error.after == pytest.approx(RETRY_AFTER, abs=2), "pass Retry-After on in seconds"
        server.heal()
        assert provider.generate(PROMPT).text == server.reply

    def test_a_stream_ends_with_the_whole_answer_and_the_providers_own_counts(self, server: Any) -> None:
        server.reply = "A login. Größe 李 🔥 and so on, until the end."
        *pieces, last = self._streamed(server, None)
        assert "".join(each.text for each in pieces) == server.reply
        assert [each.completion for each in pieces] == [None] * len(pieces), "only the last piece has the whole"
        assert isinstance(last.completion, Completion), "the last piece has the whole"
        assert not last.text
        assert (last.completion.text, last.completion.data) == (server.reply, None)
        assert (last.completion.input_tokens, last.completion.output_tokens) == (42, 7)
        assert PROMPT.user in server.asked()[-1]

    def test_a_stream_with_a_schema_ends_with_an_object(self, server: Any) -> None:
        server.reply = '{"verdict": "Größe 李 🔥"}'
        *pieces, last = self._streamed(server, SCHEMA)
        assert json.loads("".join(each.text for each in pieces)) == {"verdict": "Größe 李 🔥"}
        assert last.completion is not None
        assert last.completion.data == {"verdict": "Größe 李 🔥"}
        assert (last.completion.input_tokens, last.completion.output_tokens) == (42, 7)

    @pytest.mark.parametrize("reply", ["I would rather not.", '["benign"]', '{"verdict": ', "", "null"])
    def test_a_stream_of_no_object_is_a_retry(self, server: Any, reply: str) -> None:
        server.reply = reply
        with pytest.raises(Retry):
            self._streamed(server, SCHEMA)

    @pytest.mark.parametrize("fault", [Fault.BUSY, Fault.SERVER_ERROR, Fault.TIMEOUT, Fault.TRUNCATED, Fault.REFUSED])
    def test_a_stream_fails_as_a_whole_answer_does(self, server: Any, fault: Fault) -> None:
        self._streamed(server, None)  # so that a provider without one is skipped
        error = self._failure(server, fault, lambda: self._streamed(server, None))
        assert isinstance(error, NeedsOperator if fault is Fault.REFUSED else Retry)
        if fault is Fault.BUSY:
            assert isinstance(error, Retry)
            assert error.after == pytest.approx(RETRY_AFTER, abs=2), "pass Retry-After on in seconds"

    def test_a_refused_credential_needs_the_operator(self, server: Any) -> None:
        provider = self.provider(server)
        error = self._failure(server, Fault.REFUSED, lambda: provider.generate(PROMPT))
        assert isinstance(error, NeedsOperator)
        error = self._failure(server, Fault.REFUSED, lambda: provider.generate_with_schema(PROMPT, SCHEMA))
        assert isinstance(error, NeedsOperator)

    def test_secrets_stay_out_of_sight(self, server: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        provider = self.provider(server)
        shown = [repr(provider), repr(vars(provider)), repr(provider.generate(PROMPT))]
        if hasattr(provider, "stream"):
            shown.append(repr(list(provider.stream(PROMPT, None))))
        refusals = {Fault.BUSY, Fault.SERVER_ERROR, Fault.REFUSED, Fault.REJECTED}
        for fault in sorted(server.faults & refusals, key=lambda each: each.name):
            shown.append(repr(self._failure(server, fault, lambda: provider.generate(PROMPT))))
            server.heal()
        text = "\n".join([*shown, caplog.text])
        assert not [secret for secret in self.secrets if secret in text], "a secret is in an error, a log or a repr"

    def _streamed(self, server: Any, schema: Any) -> list[Piece]:
        provider = self.provider(server)
        if not hasattr(provider, "stream"):
            pytest.skip("the provider does not stream, which is allowed")
        assert hasattr(provider.stream, f"{PROJECT}_impl"), "decorate 'stream' with @hookimpl"
        return list(provider.stream(PROMPT, schema))

    def _failure(self, server: Any, fault: Fault, act: Callable[[], object]) -> MantissaError:
        if fault not in server.faults:
            pytest.skip(f"the fake server cannot produce {fault.name}")
        server.inject(fault)
        with pytest.raises(MantissaError) as caught:
            act()
        return caught.value
