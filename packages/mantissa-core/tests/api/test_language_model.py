"""Questions over HTTP that the offline parser leaves to a language model."""

from __future__ import annotations

import json

import pytest
from mantissa_core.api.app import create_app
from mantissa_core.api.roles import Role
from mantissa_core.api.tokens import Tokens
from mantissa_core.runtime import Runtime
from mantissa_core.state.audit import trail
from mantissa_core.testing.fake_http import Fault
from mantissa_core.testing.llm_provider import FakeOpenAI
from starlette.testclient import TestClient

from .conftest import CONFIG, event, write_home
from .test_stream import told

QUESTION = "what volume of cosmic dust transpired in november?"
PLAN = {"source": "acme_audit", "time": "since 2026-11-01", "measures": [{"function": "count"}]}


@pytest.fixture
def model(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeOpenAI() as found:
        found.reply = json.dumps(PLAN)
        yield found


@pytest.fixture
def asked(model, tmp_path):
    """An API whose questions go to that model, and the instance behind it."""
    write_home(tmp_path)
    provider = {"plugin": "core.openai_compatible", "base_url": model.url, "model": "tiny"}
    settings = {
        **CONFIG,
        "home": str(tmp_path),
        "llm_providers": {"tiny": provider},
        "ask": {"provider": "tiny", "raw_sql": True},
    }
    with Runtime.open(settings) as runtime:
        runtime.ingest("acme.audit", [event(number) for number in range(5)])
        runtime.ingest("secret.audit", [event(100, actor="lin")])
        _, value = Tokens(runtime.state).create("lin", Role.ANALYST, tables=["acme_audit"], by="noor")
        with TestClient(create_app(runtime, environ={}), headers={"Authorization": f"Bearer {value}"}) as api:
            yield api, runtime


def test_a_model_answers_what_the_parser_does_not_understand(asked):
    api, runtime = asked
    answer = api.post("/query", json={"question": QUESTION}).json()
    assert (answer["status"], answer["provider"]) == ("SUCCEEDED", "tiny"), answer
    assert list(answer["results"][0].values()) == [5]
    [entry] = trail(runtime.state, by="lin")
    assert entry["provider"] == "tiny"


def test_a_model_is_told_of_the_tables_of_the_caller_alone(asked, model):
    api, _ = asked
    api.post("/query", json={"question": QUESTION})
    sent = str([each.body for each in model.requests])
    assert "acme_audit" in sent
    assert [each for each in ("secret_audit", "Hush", "lin@", "192.0.2.1") if each in sent] == []


def test_the_stream_says_who_reads_the_question_and_what_it_says(asked, model):
    api, _ = asked
    steps = told(api.post("/query/stream", json={"question": QUESTION}).text)
    assert [data["by"] for kind, data in steps if kind == "reading"] == ["offline", "tiny"]
    assert "".join(data["text"] for kind, data in steps if kind == "token") == model.reply
    assert steps[-1][0] == "answer"
    assert steps[-1][1]["provider"] == "tiny"


def test_sql_that_the_model_wrote_is_marked_bounded_and_not_saved(asked, model):
    api, runtime = asked
    model.reply = json.dumps({"sql": "SELECT count(*) AS n FROM acme_audit", "time": "since 2026-11-01"})
    answer = api.post("/query", json={"question": QUESTION, "conversation": "new"}).json()
    assert (answer["status"], answer["raw_sql"], answer["results"]) == ("SUCCEEDED", True, [{"n": 5}]), answer
    assert "LIMIT" in answer["sql"]
    body = {"name": "mine", "execution_id": answer["execution_id"]}
    assert api.post("/questions", json=body).status_code == 409
    asked_anew = api.post("/questions", json={"name": "mine", "question": QUESTION})
    assert (asked_anew.status_code, "language model wrote" in asked_anew.json()["detail"]) == (422, True)
    model.reply = json.dumps({"sql": "SELECT count(*) AS n FROM secret_audit", "time": "since 2026-11-01"})
    refused = api.post("/query", json={"question": f"{QUESTION} where?"}).json()
    assert refused["status"] in ("ABSTAINED", "FAILED")
    assert refused["results"] == []
    assert runtime.asker.saved.list("lin") == []


def test_where_the_model_is_down_the_answer_says_so(asked, model):
    api, _ = asked
    model.reply = "no plan at all"
    answer = api.post("/query", json={"question": QUESTION}).json()
    assert answer["status"] == "ABSTAINED"
    model.inject(Fault.SERVER_ERROR)
    answer = api.post("/query", json={"question": f"{QUESTION} again"}).json()
    assert answer["status"] == "ABSTAINED"
    assert "the language model" in answer["reason"]
