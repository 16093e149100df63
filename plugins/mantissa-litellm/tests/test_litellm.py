from __future__ import annotations

import os
import subprocess
import sys

import pytest
from fake_bedrock import FakeBedrock
from mantissa_core.errors import NeedsOperator, Retry, Unusable
from mantissa_core.model import Prompt
from mantissa_core.testing.fake_http import Answer, FakeHTTP
from mantissa_core.testing.llm_provider import FakeOpenAI
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
