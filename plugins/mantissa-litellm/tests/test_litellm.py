from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_bedrock import FakeBedrock, frame
from fake_vertex import MODEL, REGION, FakeVertex
from mantissa_core.ask.providers.presets import PRESETS
from mantissa_core.config import load
from mantissa_core.errors import NeedsOperator, Retry, Unusable
from mantissa_core.hookspecs import LLMProvider
from mantissa_core.model import Prompt
from mantissa_core.parts import Parts
from mantissa_core.testing.fake_http import Answer, FakeHTTP
from mantissa_core.testing.llm_provider import FakeOpenAI
from mantissa_core.testing.sse import event
from mantissa_litellm.provider import LiteLLM

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}


def provider(server: FakeHTTP, vendor: str = "hosted_vllm", model: str = "tiny", **more: object) -> LiteLLM:
    settings = {"vendor": vendor, "model": model, "base_url": server.url, "timeout": 5, **more}
    return LiteLLM(LiteLLM.Config.model_validate(settings))


def bedrock(server: FakeHTTP) -> LiteLLM:
    return provider(server, "bedrock", "global.anthropic.claude-sonnet-4-6", region="eu-central-1")


def test_the_usual_temperature_and_length_are_asked_for() -> None:
    with FakeOpenAI("k") as server:
        provider(server, api_key="k").generate(Prompt("hi"))
        [request] = server.requests
    assert (request.json()["temperature"], request.json()["max_tokens"], request.json()["model"]) == (0.0, 4096, "tiny")


def test_bedrock_is_asked_in_the_region_by_its_own_format() -> None:
    with FakeBedrock() as server:
        bedrock(server).generate(Prompt("hi", "be brief"))
        [request] = server.requests
    assert "/eu-central-1/bedrock/aws4_request" in request.headers["authorization"]
    assert request.json()["system"] == [{"text": "be brief"}]
    assert request.json()["inferenceConfig"]["maxTokens"] == 4096


@pytest.mark.parametrize(("stopped", "why"), [("max_tokens", "truncated"), ("content_filtered", "declined")])
def test_an_answer_of_bedrock_that_is_cut_short_or_declined_says_so(stopped: str, why: str) -> None:
    with FakeBedrock() as server:
        server.stopped = stopped
        with pytest.raises(Unusable) as caught:
            bedrock(server).generate(Prompt("hi"))
    assert (caught.value.why, caught.value.input_tokens, caught.value.output_tokens) == (why, 42, 7)


def test_vertex_ai_without_a_project_and_credentials_fails_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    with FakeHTTP(lambda _: Answer(500)) as server:
        asking = provider(server, "vertex_ai", "gemini-2.5-flash", project="example", region="us-central1")
        with pytest.raises((NeedsOperator, Retry)):
            asking.generate(Prompt("hi"))
        assert server.requests == []


@pytest.fixture
def vertex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVertex]:
    with FakeVertex() as server:
        key = tmp_path / "service-account.json"
        key.write_text(server.credentials())
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
        yield server


def of_vertex(server: FakeVertex) -> LiteLLM:
    return provider(server, "vertex_ai", MODEL, project=server.project, region=REGION)


def test_vertex_ai_is_asked_in_project_and_region_with_a_token_for_the_service_account(vertex: FakeVertex) -> None:
    asking = of_vertex(vertex)
    assert asking.generate(Prompt("hi", "be brief")).text == "nothing"
    assert asking.generate(Prompt("hi")).text == "nothing"
    assert vertex.tokens == 1  # it is kept until it expires
    body = vertex.requests[0].json()
    assert "be brief" in json.dumps(body["system_instruction"])
    assert (body["generationConfig"]["temperature"], body["generationConfig"]["max_output_tokens"]) == (0.0, 4096)


def test_a_model_of_vertex_ai_without_schemas_finds_it_in_the_system_part(vertex: FakeVertex) -> None:
    vertex.knows_schemas, vertex.reply = False, '{"a": 1}'
    asking = of_vertex(vertex)
    assert asking.generate_with_schema(Prompt("hi"), SCHEMA).data == {"a": 1}
    assert list(asking.stream(Prompt("hi"), SCHEMA))[-1].completion.data == {"a": 1}  # type: ignore[union-attr]
    assert [each.path.partition(":")[2] for each in vertex.requests] == [
        "generateContent",
        "streamGenerateContent?alt=sse",
    ]


@pytest.mark.parametrize(("stopped", "why"), [("MAX_TOKENS", "truncated"), ("SAFETY", "declined")])
def test_an_answer_of_vertex_ai_that_is_cut_short_or_declined_says_so(
    vertex: FakeVertex, stopped: str, why: str
) -> None:
    vertex.stopped = stopped
    for ask in (lambda: of_vertex(vertex).generate(Prompt("hi")), lambda: streamed(of_vertex(vertex))):
        with pytest.raises(Unusable) as caught:
            ask()
        assert (caught.value.why, caught.value.input_tokens, caught.value.output_tokens) == (why, 42, 7)


def test_a_service_account_that_google_does_not_know_needs_the_operator_or_time(vertex: FakeVertex) -> None:
    with FakeVertex() as stranger:  # its tokens are asked for there, with a key that is not known there
        given = json.loads(vertex.credentials())
        given["token_uri"] = f"{stranger.url}/no-such-place"
        Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).write_text(json.dumps(given))
        with pytest.raises((NeedsOperator, Retry)) as caught:
            of_vertex(vertex).generate(Prompt("hi"))
    assert "PRIVATE KEY" not in str(caught.value)
    assert vertex.requests == []


def test_a_stream_of_vertex_ai_whose_last_words_say_how_it_ends_is_whole(vertex: FakeVertex) -> None:
    last = {"candidates": [{"content": {"role": "model", "parts": [{"text": "so"}]}, "finishReason": "STOP"}]}
    counts = {"usageMetadata": {"promptTokenCount": 42, "candidatesTokenCount": 7, "totalTokenCount": 49}}
    vertex.events = lambda: iter([event({**last, **counts})])  # type: ignore[method-assign]
    *_, end = streamed(of_vertex(vertex))
    assert (end.completion.text, end.completion.input_tokens, end.completion.output_tokens) == ("so", 42, 7)


@pytest.mark.parametrize("name", ["bedrock", "vertex_ai"])
def test_a_preset_answers_and_streams_over_the_wire(
    name: str, vertex: FakeVertex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeBedrock() as amazon:
        server = amazon if name == "bedrock" else vertex
        given = {"LLM_PROVIDER": name, "AWS_REGION": "eu-central-1", "GOOGLE_CLOUD_PROJECT": vertex.project}
        for variable, value in given.items():
            monkeypatch.setenv(variable, value)
        section = {**PRESETS[name].section(given), "base_url": server.url}
        settings, home = load({"home": tmp_path, "llm_providers": {name: section}})
        asking = Parts(settings, home).plugin(LLMProvider, name)
        assert (asking.generate(Prompt("hi")).text, settings.ask.provider) == ("nothing", name)
        *_, last = asking.stream(Prompt("hi"), None)
        assert last.completion is not None
        assert (last.completion.text, last.completion.input_tokens) == ("nothing", 42)


def streamed(asking: LiteLLM, schema: Any = None) -> Any:
    return list(asking.stream(Prompt("hi"), schema))


@pytest.mark.parametrize(("stopped", "why"), [("max_tokens", "truncated"), ("content_filtered", "declined")])
def test_a_stream_of_bedrock_that_is_cut_short_or_declined_says_so(stopped: str, why: str) -> None:
    with FakeBedrock() as server:
        server.stopped = stopped
        with pytest.raises(Unusable) as caught:
            streamed(bedrock(server))
    assert (caught.value.why, caught.value.input_tokens, caught.value.output_tokens) == (why, 42, 7)


BEGUN = [frame("messageStart", {"role": "assistant"}),
         frame("contentBlockDelta", {"delta": {"text": "so"}, "contentBlockIndex": 0})]  # fmt: skip


@pytest.mark.parametrize(
    "rest",
    [
        [frame("throttlingException", {"message": "slow down"}, "exception")],
        [frame("modelStreamErrorException", {"message": "it broke"}, "exception")],
        [b"\0" * 40],
        [None],
    ],
    ids=["throttled", "broken", "garbage", "cut"],
)
def test_a_stream_of_bedrock_that_breaks_off_is_a_retry(rest: list[Any]) -> None:
    kind = {"Content-Type": "application/vnd.amazon.eventstream"}
    with FakeHTTP(lambda _: Answer(200, iter([*BEGUN, *rest]), kind)) as server, pytest.raises(Retry):
        streamed(bedrock(server))


@pytest.mark.parametrize(
    "rest",
    [
        [b'data: {"error": {"message": "overloaded", "code": 503}}\n\n'],
        [b"data: {nonsense\n\n"],
        [None],
        [],
    ],
    ids=["error", "malformed", "cut", "too soon"],
)
def test_a_streamed_chat_that_breaks_off_is_a_retry(rest: list[Any]) -> None:
    begun = b'data: {"id": "1", "model": "tiny", "choices": [{"index": 0, "delta": {"content": "so"}}]}\n\n'
    with FakeHTTP(lambda _: Answer(200, iter([begun, *rest]))) as server, pytest.raises(Retry):
        streamed(provider(server, api_key="k"))


def test_a_server_that_refuses_to_stream_is_asked_for_the_whole_from_then_on() -> None:
    for refusing in ({"streams": False}, {"counts_streams": False}):
        with FakeOpenAI("k", **refusing) as server:
            asking = provider(server, api_key="k")
            assert [each.text for each in streamed(asking)] == ["nothing", ""]
            server.reply = '{"a": 1}'
            *_, last = streamed(asking, SCHEMA)
            assert (last.completion.data, last.completion.input_tokens) == ({"a": 1}, 42)
            assert ["stream" in each.json() for each in server.requests] == [False, False]


def test_a_request_that_can_never_work_needs_the_operator() -> None:
    missing = Answer(404, {"error": {"message": "model 'tiny' not found"}})
    with FakeHTTP(lambda _: missing) as server, pytest.raises(NeedsOperator, match="404"):
        provider(server, api_key="k").generate(Prompt("hi"))


def test_check_knows_the_vendor_without_asking_it() -> None:
    with FakeHTTP() as server:
        provider(server).check()
        with pytest.raises(NeedsOperator, match="no_such_vendor"):
            provider(server, "no_such_vendor", base_url=None).check()
        assert server.requests == []


@pytest.mark.parametrize(
    ("statement", "loaded"),
    [
        ("import mantissa_litellm.provider", "False"),
        ("from mantissa_litellm.sdk import litellm; litellm()", "True"),
    ],
)
def test_importing_reaches_for_no_network_and_litellm_comes_late(statement: str, loaded: str) -> None:
    code = (
        "import socket, sys\n"
        "def refused(*_, **__): print('NETWORK'); raise OSError('no network in this test')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused\n"
        f"{statement}\n"
        "print('litellm' in sys.modules)"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("LITELLM_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=bare)
    assert done.stdout.split() == [loaded]


def test_without_our_switch_litellm_would_fetch_its_prices() -> None:
    """The test above can fail: this is what it looks for."""
    code = (
        "import socket\n"
        "def refused(*_, **__): print('NETWORK'); raise OSError('no network in this test')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused\n"
        "import litellm"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("LITELLM_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=bare)
    assert "NETWORK" in done.stdout
