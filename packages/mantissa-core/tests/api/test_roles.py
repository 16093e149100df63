"""Who may do what: every route for every role, and what a token that is limited to tables gets to see."""

from __future__ import annotations

import json
import uuid

import pytest
from mantissa_core.api.endpoints import ENDPOINTS
from mantissa_core.api.roles import Role
from mantissa_core.model import Severity

from .conftest import SECRET_VAULT, VAULT

HIDDEN = ("secret_audit", "secret.audit", "Hush", "hush", '"lin"')


def _path(endpoint):
    return endpoint.path.replace("{id}", "none").replace("{type}", "none")


def _id(each):
    return each if isinstance(each, str) else f"{each.method} {each.path}"


@pytest.mark.parametrize("role", [each.value for each in Role])
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=_id)
def test_a_role_may_call_what_is_its_own_and_nothing_above(client, token, endpoint, role):
    answer = client.request(endpoint.method, _path(endpoint), headers=token(role), json={} if endpoint.body else None)
    refused = not Role(role).includes(endpoint.role)
    assert (answer.status_code == 403) is refused
    assert answer.status_code < 500
    if refused:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == f"this takes the role {endpoint.role}, the token's is {role}"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=_id)
@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer x", "Basic YTpi", f"Bearer mlog_{'0' * 16}_{'a' * 43}", "Bearer " + "a" * 20_000],
    ids=["none", "empty", "short", "basic", "unknown", "long"],
)
def test_nobody_gets_in_without_a_token(client, endpoint, header):
    answer = client.request(endpoint.method, _path(endpoint), headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_two_authorization_headers_are_none(client, token):
    mine = token("admin")["Authorization"]
    headers = [("Authorization", mine), ("Authorization", mine)]
    assert client.get("/config", headers=headers).status_code == 401


def test_health_is_open_and_says_nothing(client):
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert client.get("/openapi.json").status_code == 401


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if not each.limited], ids=_id)
def test_what_cannot_be_limited_is_closed_to_limited_tokens(client, token, endpoint):
    limited = token("admin", ["acme_audit"])
    answer = client.request(endpoint.method, _path(endpoint), headers=limited, json={} if endpoint.body else None)
    assert answer.status_code == 403


def test_a_limited_token_sees_neither_rows_nor_names_of_other_tables(client, token):
    client.post("/query", headers=token("admin"), json={"sql": "SELECT * FROM secret_audit"})  # the worker knows it now
    limited = token("analyst", ["acme_audit"])
    texts = [client.get(path, headers=limited).text for path in ("/schema", "/alerts", "/rules", "/config")]
    for sql in (
        "SELECT * FROM secret_audit",
        "SELECT * FROM secret_audt",
        "SELECT * FROM nothing",
        "SELECT nothing FROM auth",
        "SELECT m_user, m_table FROM auth",
        "SELECT m_user FROM normalized_auth_view",
        "SHOW TABLES",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM duckdb_tables()",
    ):
        for path, key in (("/query", "sql"), ("/api/query/execute", "query")):
            text = client.post(path, headers=limited, json={key: sql}).text
            texts.append(text.replace(json.dumps(sql)[1:-1], "").replace("'secret_audit'", ""))
    texts.append(
        client.post("/query", headers=limited, json={"question": "count events by user since 2026-11-01"}).text
    )
    assert [(name, text) for text in texts for name in HIDDEN if name in text] == []
    assert "amara" in "".join(texts)


def test_a_limited_token_finds_alerts_and_rules_of_its_tables_only(client, token, runtime):
    limited = token("analyst", ["acme_audit"])
    alerts = {each.rule_id: each.id for each in runtime.alerts.list()}
    assert [each["id"] for each in client.get("/alerts", headers=limited).json()["alerts"]] == [alerts[VAULT]]
    assert client.get(f"/alerts/{alerts[SECRET_VAULT]}", headers=limited).status_code == 404
    for step in ("ack", "resolve", "suppress", "reopen"):
        path = f"/alerts/{alerts[SECRET_VAULT]}/{step}"
        assert client.post(path, headers=limited, json={}).status_code == 404
    assert runtime.alerts.get(alerts[SECRET_VAULT]).status == "open"
    assert "Many knocks" not in client.get("/rules", headers=limited).text
    assert client.get("/rules/0c9d1f7a-2a6e-4b0e-8f51-6d1d6e0b7c33", headers=limited).status_code == 404


CORRELATION = """
title: Vaults
id: {id}
level: high
correlation:
  type: event_count
  rules: [{rules}]
  group-by: [actor]
  timespan: 10m
  condition: {{gte: 5}}
"""


def test_a_limited_token_finds_correlations_of_rules_of_its_tables_alone(client, token, home, runtime):
    rules = {"acme": VAULT, "hush": SECRET_VAULT, "both": f"{VAULT}, {SECRET_VAULT}"}
    ids = {name: str(uuid.uuid4()) for name in rules}
    for name, named in rules.items():
        (home / "rules" / f"correlation-{name}.yml").write_text(CORRELATION.format(id=ids[name], rules=named))
    runtime.reload_rules()
    listed = {each["id"] for each in client.get("/rules", headers=token("viewer", ["acme_audit"])).json()["rules"]}
    everything = {each["id"] for each in client.get("/rules", headers=token("viewer")).json()["rules"]}
    for name in rules:
        (home / "rules" / f"correlation-{name}.yml").unlink()
    runtime.reload_rules()
    assert listed == {VAULT, ids["acme"]}
    assert everything >= {VAULT, SECRET_VAULT, *ids.values()}


def test_a_token_limited_to_no_table_sees_none(client, token):
    limited = token("analyst", [])
    assert client.get("/schema", headers=limited).json()["tables"] == []
    assert client.get("/alerts", headers=limited).json()["alerts"] == []
    assert client.post("/query", headers=limited, json={"sql": "SELECT * FROM acme_audit"}).status_code == 422


def test_every_severity_can_be_asked_for(client, token):
    for severity in Severity:
        answer = client.get(f"/alerts?severity={severity}", headers=token("viewer"))
        assert {each["severity"] for each in answer.json()["alerts"]} <= {severity.value}
