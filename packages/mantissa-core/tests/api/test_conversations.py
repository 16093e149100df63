"""Conversations and saved questions: kept for the one who asked, there for nobody else."""

from __future__ import annotations

import pytest
from mantissa_core.api.app import create_app
from mantissa_core.api.caller import Caller
from mantissa_core.api.roles import Role
from mantissa_core.state.audit import trail
from starlette.testclient import TestClient

from .test_queries import COUNT


def _ask(client, headers, question, conversation=None):
    body = {"question": question, "conversation": conversation}
    return client.post("/query", headers=headers, json=body).json()


def test_a_question_follows_the_one_before(client, token):
    headers = token("analyst")
    first = _ask(client, headers, COUNT, "new")
    second = _ask(client, headers, "only amara", first["conversation"])
    assert second["conversation"] == first["conversation"]
    assert [each["m_user"] for each in second["results"]] == ["amara"]
    [listed] = client.get("/conversations", headers=headers).json()["conversations"]
    assert (listed["id"], listed["title"], listed["questions"]) == (first["conversation"], COUNT, 2)
    whole = client.get(f"/conversations/{listed['id']}", headers=headers).json()
    assert [(each["number"], each["question"], each["status"]) for each in whole["turns"]] == [
        (1, COUNT, "SUCCEEDED"),
        (2, "only amara", "SUCCEEDED"),
    ]
    assert "amara" in whole["turns"][1]["sql"]


def test_a_conversation_is_forgotten(client, token):
    headers = token("analyst")
    kept = f"/conversations/{_ask(client, headers, COUNT, 'new')['conversation']}"
    assert client.delete(kept, headers=headers).json()["title"] == COUNT
    assert client.get(kept, headers=headers).status_code == 404
    assert client.delete(kept, headers=headers).status_code == 404
    assert client.get("/conversations", headers=headers).json() == {"conversations": []}


@pytest.mark.parametrize("role", ["analyst", "admin"])
def test_conversations_and_questions_of_others_are_not_there(client, token, role):
    mine, other = token("analyst"), token(role)
    kept = _ask(client, mine, COUNT, "new")
    assert client.post("/questions", headers=mine, json={"name": "mine", "question": COUNT}).status_code == 201
    for method, path, body in (
        ("GET", f"/conversations/{kept['conversation']}", None),
        ("DELETE", f"/conversations/{kept['conversation']}", None),
        ("POST", "/query", {"question": "only amara", "conversation": kept["conversation"]}),
        ("POST", "/query/stream", {"question": "only amara", "conversation": kept["conversation"]}),
        ("POST", "/questions", {"name": "stolen", "execution_id": kept["execution_id"]}),
        ("GET", "/questions/mine", None),
        ("DELETE", "/questions/mine", None),
        ("POST", "/questions/mine/run", {}),
        ("GET", f"/api/query/executions/{kept['execution_id']}", None),
        ("DELETE", f"/api/query/executions/{kept['execution_id']}", None),
    ):
        assert client.request(method, path, headers=other, json=body).status_code == 404, (method, path)
    assert client.get("/conversations", headers=other).json() == {"conversations": []}
    assert client.get("/questions", headers=other).json() == {"questions": []}
    assert client.get(f"/conversations/{kept['conversation']}", headers=mine).status_code == 200


class Named:
    """Lets two people of one name in, by what they show."""

    def caller(self, text):
        tables = {"acme_audit"} if text == "small" else {"acme_audit", "secret_audit"}
        return Caller(f"oidc/{text}", "amara@example.com", Role.ANALYST, frozenset(tables))


@pytest.fixture
def people(runtime):
    with TestClient(create_app(runtime, provider=Named(), environ={})) as api:
        yield api


def test_two_people_of_one_name_have_conversations_of_their_own(people):
    one, two = ({"Authorization": f"Bearer {each}"} for each in ("one", "two"))
    kept = _ask(people, one, COUNT, "new")["conversation"]
    assert people.get(f"/conversations/{kept}", headers=one).status_code == 200
    assert people.get(f"/conversations/{kept}", headers=two).status_code == 404
    assert people.get("/conversations", headers=two).json() == {"conversations": []}


def test_a_conversation_shows_nothing_of_tables_that_one_may_not_see_any_more(people, runtime):
    headers = {"Authorization": "Bearer small"}
    owner = {"user": "amara@example.com", "caller": "oidc/small"}
    kept = runtime.ask("count secret audit events by user since 2026-11-01", conversation="new", **owner)
    assert kept.status == "succeeded", kept.reason
    assert "secret_audit" in kept.sql
    whole = people.get(f"/conversations/{kept.conversation}", headers=headers)
    assert whole.status_code == 200
    assert "secret_audit" not in whole.text
    assert [(each["sql"], each["explanation"]) for each in whole.json()["turns"]] == [(None, None)]
    runtime.asker.saved.save("oidc/small", "old", kept.question, kept.plan)
    refused = people.post("/questions/old/run", headers=headers, json={})
    assert (refused.status_code, "secret_audit" in refused.text) == (409, False)


def test_a_question_is_saved_and_run_again(client, token, runtime):
    headers = token("analyst")
    user = client.get("/config", headers=headers).json()["user"]
    made = client.post("/questions", headers=headers, json={"name": "by-user", "question": COUNT})
    assert (made.status_code, made.json()["question"], made.json()["time"]) == (201, COUNT, "since 2026-11-01")
    assert client.get("/questions", headers=headers).json() == {"questions": [made.json()]}
    assert client.get("/questions/by-user", headers=headers).json() == made.json()
    ran = client.post("/questions/by-user/run", headers=headers, json={}).json()
    assert {"m_user": "amara", "events": 5} in ran["results"]
    assert client.delete("/questions/by-user", headers=headers).status_code == 200
    assert client.get("/questions/by-user", headers=headers).status_code == 404
    did = [(each["subject"], each["action"]) for each in trail(runtime.state, by=user)]
    assert did == [("ask", "asked"), ("question", "saved"), ("ask", "asked"), ("question", "deleted")]


def test_a_question_that_followed_others_is_saved_as_it_was_understood(client, token):
    headers = token("analyst")
    first = _ask(client, headers, COUNT, "new")
    second = _ask(client, headers, "only amara", first["conversation"])
    body = {"name": "amara", "execution_id": second["execution_id"]}
    assert client.post("/questions", headers=headers, json=body).status_code == 201
    ran = client.post("/questions/amara/run", headers=headers, json={}).json()
    assert ran["results"] == second["results"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x"}, 422),
        ({"name": "x", "question": "a", "execution_id": "b"}, 422),
        ({"name": "../x", "question": COUNT}, 422),
        ({"name": "x", "question": "drop the table"}, 422),
        ({"name": "x", "question": COUNT, "zone": "Nowhere/Land"}, 422),
        ({"name": "x", "execution_id": "none"}, 404),
    ],
    ids=["neither", "both", "name", "hostile", "zone", "gone"],
)
def test_what_cannot_be_saved_is_refused(client, token, body, status):
    answer = client.post("/questions", headers=token("analyst"), json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_statement_is_no_question_to_be_saved(client, token):
    headers = token("analyst")
    ran = client.post("/query", headers=headers, json={"sql": "SELECT 1"}).json()
    body = {"name": "x", "execution_id": ran["execution_id"]}
    assert client.post("/questions", headers=headers, json=body).status_code == 409
