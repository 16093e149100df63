"""Scopes of tokens: each narrows what the role may, and none widens it."""

from __future__ import annotations

import pytest
from mantissa_core.api.endpoints import ENDPOINTS
from mantissa_core.api.openapi import description
from mantissa_core.api.roles import Role
from mantissa_core.api.scopes import Scope
from mantissa_core.api.tokens import PARTITION, Tokens
from mantissa_core.model import Put

from .test_queries import COUNT
from .test_roles import _id, _path

SCOPED = [each for each in ENDPOINTS if each.scopes]


def _call(client, endpoint, headers):
    return client.request(endpoint.method, _path(endpoint), headers=headers, json={} if endpoint.body else None)


@pytest.mark.parametrize("endpoint", SCOPED, ids=_id)
def test_a_token_without_the_scope_is_told_which_it_lacks(client, token, endpoint):
    others = [each.value for each in Scope if each not in endpoint.scopes]
    answer = _call(client, endpoint, token("admin", scopes=others))
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith(f"this takes the scope {' or '.join(endpoint.scopes)}, the token has ")
    challenge = f'Bearer error="insufficient_scope", scope="{" ".join(endpoint.scopes)}"'
    assert answer.headers["www-authenticate"] == challenge


@pytest.mark.parametrize("endpoint", SCOPED, ids=_id)
def test_one_of_the_scopes_is_enough_and_no_scope_is_all(client, token, endpoint):
    for scopes in (*([each.value] for each in endpoint.scopes), None):
        assert _call(client, endpoint, token("admin", scopes=scopes)).status_code != 403


def test_a_token_for_nothing_learns_who_it_is_and_no_more(client, token):
    headers = token("admin", scopes=[])
    assert client.get("/config", headers=headers).json()["scopes"] == []
    assert {_call(client, each, headers).status_code for each in SCOPED} == {403}


def test_questions_and_statements_are_different_scopes(client, token):
    asks, queries = token("analyst", scopes=["ask"]), token("analyst", scopes=["query"])
    for path in ("/query", "/query/stream"):
        for headers, allowed, refused, missing in (
            (asks, {"question": COUNT}, {"sql": "SELECT 1"}, "query"),
            (queries, {"sql": "SELECT 1"}, {"question": COUNT}, "ask"),
        ):
            assert client.post(path, headers=headers, json=allowed).status_code == 200
            answer = client.post(path, headers=headers, json=refused)
            assert answer.status_code == 403
            assert f"this takes the scope {missing}," in answer.json()["detail"]


@pytest.mark.parametrize("scope", list(Scope), ids=str)
@pytest.mark.parametrize("role", list(Role), ids=str)
def test_a_scope_never_widens_a_role(client, token, role, scope):
    body = {"name": f"{role}.{scope.replace(':', '.')}", "role": role, "scopes": [scope]}
    made = client.post("/tokens", headers=token("admin"), json=body)
    if role.includes(scope.role):
        assert (made.status_code, made.json()["scopes"]) == (201, [scope])
        return
    assert made.status_code == 409
    assert made.json()["detail"] == f"the role {role} does not have the scope {scope}: that takes {scope.role}"


def test_nobody_makes_a_token_that_may_do_more_than_their_own(client, token):
    headers = token("admin", scopes=["tokens", "alerts:read"])
    wider = {"name": "wider", "role": "admin", "scopes": ["alerts:read", "audit:read"]}
    assert client.post("/tokens", headers=headers, json=wider).status_code == 403
    same = client.post("/tokens", headers=headers, json={"name": "same", "role": "admin"}).json()
    assert same["scopes"] == ["alerts:read", "tokens"]
    assert client.get("/audit", headers={"Authorization": f"Bearer {same['token']}"}).status_code == 403


def test_tokens_of_before_there_were_scopes_keep_what_their_role_gives(client, runtime):
    made, value = Tokens(runtime.state).create("old", Role.ADMIN, by="noor")
    document = dict(runtime.state.get(PARTITION, f"token/{made.id}").value)
    del document["scopes"]
    runtime.state.commit(PARTITION, [Put(f"token/{made.id}", document)])
    headers = {"Authorization": f"Bearer {value}"}
    assert client.get("/config", headers=headers).json()["scopes"] is None
    assert client.get("/audit", headers=headers).status_code == 200


def test_a_scope_that_this_version_does_not_know_gives_nothing(client, runtime):
    made, value = Tokens(runtime.state).create("newer", Role.ADMIN, scopes=[Scope.ASK], by="noor")
    document = dict(runtime.state.get(PARTITION, f"token/{made.id}").value)
    runtime.state.commit(PARTITION, [Put(f"token/{made.id}", {**document, "scopes": ["ask", "playbooks:run"]})])
    assert client.get("/config", headers={"Authorization": f"Bearer {value}"}).json()["scopes"] == ["ask"]


def test_the_description_names_the_scopes():
    paths = description()["paths"]
    for each in ENDPOINTS:
        operation = paths[each.path][each.method.lower()]
        assert operation.get("security", []) == [{"token": [scope]} for scope in each.scopes]
        assert operation["x-role"] == each.role
