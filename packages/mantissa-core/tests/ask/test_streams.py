"""Answers that arrive piece by piece: what is peculiar to each format, and what can go wrong on the way."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_models import FakeAnthropic, FakeAzureOpenAI, FakeGemini
from mantissa_core.ask.providers.anthropic import Anthropic
from mantissa_core.ask.providers.azure_openai import AzureOpenAI
from mantissa_core.ask.providers.gemini import Gemini
from mantissa_core.ask.providers.openai_compatible import OpenAICompatible
from mantissa_core.ask.providers.pieces import listen
from mantissa_core.ask.providers.sse import documents
from mantissa_core.ask.providers.wire import Wire
from mantissa_core.errors import NeedsOperator, Retry, Unusable
from mantissa_core.hookspecs import LLMProvider, hookimpl
from mantissa_core.host import Host
from mantissa_core.model import Completion, Piece, Prompt
from mantissa_core.testing.fake_http import Answer, FakeHTTP
from mantissa_core.testing.llm_provider import FakeOpenAI
from mantissa_core.testing.sse import cut, event

KEY = "key-of-the-tests"
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def openai(server: FakeHTTP) -> OpenAICompatible:
    settings = {"base_url": f"{server.url}/v1", "model": "tiny", "api_key": KEY, "timeout": 5}
    return OpenAICompatible(OpenAICompatible.Config.model_validate(settings))


def anthropic(server: FakeHTTP) -> Anthropic:
    settings = {"base_url": server.url, "model": "tiny", "api_key": KEY, "timeout": 5}
    return Anthropic(Anthropic.Config.model_validate(settings))


def gemini(server: FakeHTTP) -> Gemini:
    settings = {"base_url": f"{server.url}/v1beta", "model": "tiny", "api_key": KEY, "timeout": 5}
    return Gemini(Gemini.Config.model_validate(settings))


def azure(server: FakeHTTP) -> AzureOpenAI:
    settings = {"endpoint": server.url, "deployment": "our model", "api_key": KEY, "timeout": 5}
    return AzureOpenAI(AzureOpenAI.Config.model_validate(settings))


CHAT = {"model": "tiny", "choices": [{"index": 0, "delta": {"content": "so"}, "finish_reason": None}]}
START = {"type": "message_start", "message": {"model": "tiny", "usage": {"input_tokens": 5, "output_tokens": 1}}}
BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
TEXT = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "so"}}
CONTENT = {"candidates": [{"content": {"parts": [{"text": "so"}]}, "index": 0}], "modelVersion": "tiny"}

BEGUN: dict[str, tuple[Callable[[FakeHTTP], Any], list[Any]]] = {
    "openai": (openai, [CHAT]),
    "azure": (azure, [{"choices": [], "prompt_filter_results": []}, CHAT]),
    "anthropic": (anthropic, [START, BLOCK, TEXT]),
    "gemini": (gemini, [CONTENT]),
}
"""How an answer of each format begins."""
FORMATS = pytest.mark.parametrize("form", sorted(BEGUN))


def serving(*events: bytes | None) -> FakeHTTP:
    """A server that says no more than this; ``None`` cuts the connection."""
    return FakeHTTP(lambda _: Answer(200, iter(events)))


def begun(form: str) -> bytes:
    return b"".join(event(each) for each in BEGUN[form][1])


def heard(form: str, server: FakeHTTP, schema: Any = None) -> list[Piece]:
    pieces: list[Piece] = list(BEGUN[form][0](server).stream(Prompt("hi"), schema))
    return pieces


@FORMATS
def test_what_arrived_is_told_before_the_rest_is_there(form: str) -> None:
    told = threading.Event()

    def answer(_: Any) -> Answer:
        def body() -> Iterator[bytes | None]:
            yield begun(form)
            told.wait(30)
            yield None

        return Answer(200, body())

    with FakeHTTP(answer) as server:
        pieces = BEGUN[form][0](server).stream(Prompt("hi"), None)
        assert next(pieces) == Piece("so")  # the server has not gone on yet
        told.set()
        with pytest.raises(Retry):
            list(pieces)


@FORMATS
def test_a_connection_that_is_cut_is_a_retry(form: str) -> None:
    with serving(begun(form), None) as server, pytest.raises(Retry):
        heard(form, server)


@FORMATS
def test_a_stream_that_ends_politely_but_too_soon_is_a_retry(form: str) -> None:
    with serving(begun(form)) as server, pytest.raises(Retry, match="broke off"):
        heard(form, server)


@FORMATS
@pytest.mark.parametrize("broken", ["{nonsense", "[1]", '"text"', "7"])
def test_an_event_that_is_no_object_is_a_retry(form: str, broken: str) -> None:
    with serving(begun(form), event(broken)) as server, pytest.raises(Retry, match="no JSON object"):
        heard(form, server)


MISSHAPEN: dict[str, list[Any]] = {
    "openai": [{}, {"choices": 7}, {"choices": [7]}, {"choices": [{"delta": 7}]}],
    "azure": [{}],
    "anthropic": [{}, {"type": "content_block_delta"}, {"type": "message_delta", "delta": 7}],
    "gemini": [{"candidates": 7}, {"candidates": [{"content": {"parts": [7]}}]}, {"promptFeedback": 7}],
}


@FORMATS
def test_an_event_of_another_shape_is_a_retry(form: str) -> None:
    for broken in MISSHAPEN[form]:
        with serving(begun(form), event(broken)) as server, pytest.raises(Retry, match="something else"):
            heard(form, server)


@FORMATS
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "overloaded_error", "code": 503, "message": f"busy, {KEY}"}, Retry),
        ({"type": "authentication_error", "code": 401, "message": f"revoked {KEY}"}, NeedsOperator),
        (f"out of memory {KEY}", Retry),
    ],
    ids=["overloaded", "revoked", "text"],
)
def test_an_error_in_the_middle_says_what_happens_next_and_hides_the_key(form: str, error: Any, kind: Any) -> None:
    failed = event({"type": "error", "error": error}, "error")
    with serving(begun(form), failed) as server, pytest.raises(kind, match="broke off") as caught:
        heard(form, server)
    assert KEY not in str(caught.value)


@FORMATS
def test_a_stream_without_end_is_cut(form: str) -> None:
    endless = Answer(200, itertools.repeat(b": wait\n" * 10_000))
    with FakeHTTP(lambda _: endless) as server, pytest.raises(NeedsOperator, match="more than"):
        heard(form, server)


def test_a_slow_drip_ends_with_the_time_for_the_whole() -> None:
    stop = threading.Event()

    def drip() -> Iterator[bytes]:
        while not stop.wait(0.05):
            yield b": wait\n\n"

    wire = Wire(30, None, "x-key", seconds=0.3)
    with (
        FakeHTTP(lambda _: Answer(200, drip())) as server,
        wire.open(f"{server.url}/x", {}) as arriving,
        pytest.raises(Retry, match="did not come to an end"),
    ):
        list(documents(arriving))
    stop.set()


DONE = {"model": "tiny", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
ENDS: dict[str, list[Any]] = {
    "openai": [DONE],
    "azure": [DONE],
    "anthropic": [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"}],
    "gemini": [{"candidates": [{"finishReason": "STOP"}]}],
}


@FORMATS
def test_a_server_that_counts_nothing_and_leaves_out_the_last_empty_line_is_heard(form: str) -> None:
    told = begun(form) + b"".join(event(each) for each in ENDS[form])
    if form == "anthropic":
        told = told.replace(b'"usage": {"input_tokens": 5, "output_tokens": 1}', b'"usage": null')
    with serving(told.rstrip().replace(b"\n", b"\r\n")) as server:
        *_, last = heard(form, server)
    assert last.completion == Completion("so", "tiny", 0, 0)


def test_an_empty_input_of_the_tool_is_an_empty_object() -> None:
    tool = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "input": {}}}
    nothing = {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ""}}
    events = [START, tool, nothing, *ENDS["anthropic"]]
    with serving(*map(event, events)) as server:
        [last] = heard("anthropic", server, SCHEMA)
    assert last.completion is not None
    assert last.completion.data == {}


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
def test_a_stream_cut_short_or_declined_says_so_and_what_it_cost(fake: Any, stopped: str, why: str) -> None:
    with fake(KEY) as server:
        server.stopped, server.reply = stopped, '{"a": 1'
        for schema in (None, SCHEMA):
            with pytest.raises(Unusable) as caught:
                heard("anthropic" if fake is FakeAnthropic else "gemini", server, schema)
            assert (caught.value.why, caught.value.input_tokens, caught.value.output_tokens) == (why, 42, 7)


@pytest.mark.parametrize(
    ("delta", "reason", "why"),
    [({}, "length", "truncated"), ({}, "content_filter", "declined"), ({"refusal": "I cannot."}, "stop", "declined")],
)
def test_a_chat_cut_short_or_declined_says_so_and_what_it_cost(delta: Any, reason: str, why: str) -> None:
    last = {"model": "tiny", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    counts = {"choices": [], "usage": {"prompt_tokens": 42, "completion_tokens": 7}}
    with serving(*map(event, [CHAT, last, counts, "[DONE]"])) as server, pytest.raises(Unusable) as caught:
        heard("openai", server)
    assert (caught.value.why, caught.value.input_tokens, caught.value.output_tokens) == (why, 42, 7)


def test_a_server_that_refuses_stream_options_is_asked_without_from_then_on() -> None:
    with FakeOpenAI(KEY, counts_streams=False) as server:
        asking = openai(server)
        for _ in range(2):
            *_, last = asking.stream(Prompt("hi"), None)
            assert last.completion == Completion("nothing", "tiny-2026", 0, 0)
        assert [request.json()["stream"] for request in server.requests] == [True, True]


def test_a_model_that_does_not_stream_is_asked_for_the_whole_from_then_on() -> None:
    with FakeOpenAI(KEY, streams=False) as server:
        asking, tried = openai(server), []
        original = server.answer
        server.answer = lambda request: tried.append(request.json().get("stream")) or original(request)  # type: ignore[func-returns-value,method-assign]
        for schema in (None, SCHEMA):
            server.reply = '{"a": 1}'
            pieces = list(asking.stream(Prompt("hi"), schema))
            assert [each.text for each in pieces] == ['{"a": 1}', ""]
            assert pieces[-1].completion is not None
            assert pieces[-1].completion.input_tokens == 42
    assert tried == [True, None, None]


def test_a_server_without_schemas_streams_an_object_all_the_same() -> None:
    with FakeOpenAI(KEY, knows_schemas=False) as server:
        server.reply = '{"a": 1}'
        asking = openai(server)
        for _ in range(2):
            *_, last = asking.stream(Prompt("hi"), SCHEMA)
            assert last.completion is not None
            assert last.completion.data == {"a": 1}
        assert [request.json().get("stream") for request in server.requests] == [None, True]


@pytest.mark.parametrize("fake", [FakeAnthropic, FakeGemini])
def test_a_model_that_takes_no_temperature_streams_without(fake: Any) -> None:
    with fake(KEY, fixed_temperature=True) as server:
        asking = (anthropic if fake is FakeAnthropic else gemini)(server)
        assert [list(asking.stream(Prompt("hi"), None))[-1].completion.text for _ in range(2)] == ["nothing"] * 2
        assert "temperature" not in str(server.bodies())
        assert len(server.bodies()) == 2


def test_azure_streams_from_its_deployment() -> None:
    with FakeAzureOpenAI(KEY) as server:
        heard("azure", server)
        [request] = server.requests
    assert request.route == "/openai/deployments/our%20model/chat/completions"
    assert request.json()["stream_options"] == {"include_usage": True}


def test_whoever_stops_listening_lets_go_of_the_connection() -> None:
    gone = threading.Event()

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield event(CHAT)
        finally:
            gone.set()

    with FakeHTTP(lambda _: Answer(200, endless())) as server:
        pieces = openai(server).stream(Prompt("hi"), None)
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]
        assert gone.wait(30)


class Whole:
    """A provider that does not stream."""

    @hookimpl
    def generate(self, prompt: Prompt) -> Completion:
        return Completion("whole", "m", 1, 2)


class Streams(Whole):
    def __init__(self, *pieces: Any) -> None:
        self._pieces = pieces

    @hookimpl
    def stream(self, prompt: Prompt, schema: Any) -> Iterator[Piece]:
        yield from self._pieces


def running(plugin: object) -> LLMProvider:
    host = Host()
    host.add(LLMProvider, "m", plugin)
    return host.get(LLMProvider, "m")


def test_a_provider_that_does_not_stream_is_heard_of_as_nothing() -> None:
    assert listen(running(Whole()).stream(Prompt("hi"), None), lambda _: None) is None


def test_pieces_are_checked_as_answers_of_hooks_are() -> None:
    told: list[str] = []
    whole = Piece(completion=Completion("ab", "m", 1, 2))
    assert listen(running(Streams(Piece("a"), Piece("b"), whole)).stream(Prompt("hi"), None), told.append)
    assert told == ["a", "b"]
    with pytest.raises(Retry, match="broke off"):
        listen(running(Streams(Piece("a"))).stream(Prompt("hi"), None), told.append)
    with pytest.raises(Exception, match="yielded garbage"):
        listen(running(Streams("text")).stream(Prompt("hi"), None), told.append)


def test_a_character_in_pieces_and_an_event_of_two_lines_are_put_together() -> None:
    sent = 'data: {"a":\ndata: "Zoë 李 🔥"}\n\n: nothing\nid: 7\nretry: 10\n\n'.encode()
    for size in (1, 2, 3, 7, 1_000):
        assert list(documents(cut([sent], size))) == [{"a": "Zoë 李 🔥"}]
