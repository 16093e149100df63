"""Server-sent events: the steps of a question, the errors, and what happens when the caller goes away."""

from __future__ import annotations

import json

import httpx
from mantissa_core.api import events
from mantissa_core.api.app import create_app
from mantissa_core.api.executions import MOST_RUNNING
from mantissa_core.runtime import Runtime
from mantissa_core.state.audit import trail
from starlette.testclient import TestClient

from .conftest import CONFIG, SLOW, eventually, numbers
from .test_queries import COUNT


def told(text):
    """The events of a stream: kinds and data. Each stands as the standard has it."""
    found = []
    for block in text.strip().split("\n\n"):
        kind, data = block.split("\n")
        assert kind.startswith("event: ")
        assert data.startswith("data: ")
        found.append((kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_each_step_of_a_question_is_told(client, token):
    headers = token("analyst")
    response = client.post("/query/stream", headers=headers, json={"question": COUNT})
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    steps = told(response.text)
    assert [kind for kind, _ in steps] == ["started", "reading", "understood", "estimate", "answer"]
    data = dict(steps)
    assert data["reading"] == {"by": "offline"}
    answer = data["answer"]
    assert data["started"] == {"execution_id": answer["execution_id"]}
    assert data["understood"]["sql"] == answer["sql"]
    assert data["estimate"] == {"bytes": answer["cost_estimate"]["bytes"], "cost": 0.0}
    assert {"m_user": "amara", "events": 5} in answer["results"]
    assert answer == client.get(f"/api/query/executions/{answer['execution_id']}", headers=headers).json()


def test_a_statement_is_told_and_its_rows_come_page_by_page(client, token):
    headers, asked = token("analyst"), {"sql": numbers(5), "page_size": 2}
    steps = told(client.post("/query/stream", headers=headers, json=asked).text)
    assert [kind for kind, _ in steps] == ["started", "estimate", "answer"]
    answer = steps[-1][1]
    assert (answer["results"], answer["next"]) == ([{"n": 0}, {"n": 1}], "2")


def test_what_is_not_understood_is_an_answer(client, token):
    steps = told(client.post("/query/stream", headers=token("analyst"), json={"question": "drop the table"}).text)
    assert [kind for kind, _ in steps] == ["started", "reading", "answer"]
    assert steps[-1][1]["status"] == "ABSTAINED"


def test_an_error_is_told_as_a_problem(client, token):
    steps = told(client.post("/query/stream", headers=token("analyst"), json={"sql": "SELECT * FROM nothing"}).text)
    assert [kind for kind, _ in steps] == ["started", "error"]
    assert steps[-1][1]["status"] == 422
    assert "nothing" in steps[-1][1]["detail"]


def test_line_ends_in_rows_end_no_event(client, token):
    asked = {"sql": "SELECT $t AS t", "parameters": {"t": "a\n\nevent: error\r\ndata: {}\n\n\u2028"}}
    steps = told(client.post("/query/stream", headers=token("analyst"), json=asked).text)
    assert steps[-1] == ("answer", steps[-1][1])
    assert steps[-1][1]["results"] == [{"t": asked["parameters"]["t"]}]


def test_streams_have_the_roles_and_the_rate_of_queries(client, token, home):
    assert client.post("/query/stream", json={"question": COUNT}).status_code == 401
    assert client.post("/query/stream", headers=token("viewer"), json={"question": COUNT}).status_code == 403
    settings = {**CONFIG, "home": str(home), "api": {"requests_per_minute": 2}}
    headers = token("analyst")
    with Runtime.open(settings) as other, TestClient(create_app(other, environ={})) as api:
        codes = [api.post("/query/stream", headers=headers, json={"question": COUNT}).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


def test_who_runs_too_many_streams_is_told_before_one_begins(client, token):
    headers = token("analyst")
    slow = [
        client.post("/query", headers=headers, json={"sql": SLOW, "wait": False}).json() for _ in range(MOST_RUNNING)
    ]
    response = client.post("/query/stream", headers=headers, json={"question": COUNT})
    for each in slow:
        client.delete(f"/api/query/executions/{each['execution_id']}", headers=headers)
    assert (response.status_code, response.headers["retry-after"]) == (429, "5")
    assert response.headers["content-type"] == "application/problem+json"


def _lines(address, headers, body):
    return httpx.stream("POST", f"{address}/query/stream", headers=headers, json=body, timeout=30)


def test_a_stream_without_events_shows_that_it_goes_on(address, token, monkeypatch):
    monkeypatch.setattr(events, "HEARTBEAT", 0.05)
    with _lines(address, token("analyst"), {"sql": SLOW}) as response:
        assert ": it goes on" in response.iter_lines()


def test_a_caller_who_goes_away_stops_the_query(address, token, runtime):
    headers = token("analyst")
    with _lines(address, headers, {"sql": SLOW}) as response:
        lines = response.iter_lines()
        assert next(lines) == "event: started"
        execution = json.loads(next(lines).removeprefix("data: "))["execution_id"]
        eventually(lambda: "event: estimate" in lines)
    path = f"{address}/api/query/executions/{execution}"
    eventually(lambda: httpx.get(path, headers=headers).json()["status"] == "CANCELLED")
    entry = eventually(lambda: [each for each in trail(runtime.state) if each.get("execution_id") == execution])
    assert [each["outcome"] for each in entry] == ["failed"]
    assert httpx.post(f"{address}/query", headers=headers, json={"question": COUNT}, timeout=30).status_code == 200


def test_a_stream_can_be_cancelled_from_elsewhere(address, token):
    headers = token("analyst")
    with _lines(address, headers, {"sql": SLOW}) as response:
        lines = response.iter_lines()
        next(lines)
        execution = json.loads(next(lines).removeprefix("data: "))["execution_id"]
        httpx.delete(f"{address}/api/query/executions/{execution}", headers=headers)
        last = told("\n".join(lines).strip())[-1]
    assert (last[0], last[1]["status"]) == ("answer", "CANCELLED")


def test_a_query_that_waits_for_a_worker_is_cancelled_too(client, token, runtime):
    headers = token("analyst")
    busy = [client.post("/query", headers=headers, json={"sql": SLOW, "wait": False}).json() for _ in range(4)]
    for each in reversed(busy):
        path = f"/api/query/executions/{each['execution_id']}"
        assert client.delete(path, headers=headers).json()["status"] == "CANCELLED"
    names = {each["execution_id"] for each in busy}
    eventually(lambda: names <= {each.get("execution_id") for each in trail(runtime.state)})
