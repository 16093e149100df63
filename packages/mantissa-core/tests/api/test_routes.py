"""What the routes do: alerts, rules, destinations, and what is written down about it."""

from __future__ import annotations

import uuid

import pytest
import yaml
from mantissa_core.api.app import create_app
from mantissa_core.api.roles import Role
from mantissa_core.api.tokens import Tokens
from mantissa_core.errors import ConfigError
from mantissa_core.runtime import Runtime
from mantissa_core.state.audit import trail
from starlette.testclient import TestClient

from .conftest import CONFIG, RULE, SECRET_VAULT, VAULT, write_home

TESTS = """
tests:
  - name: the vault is opened
    match: {match}
    event: {{key: a, at: "2026-11-20T10:00:00Z", verb: open_vault}}
"""


def test_alerts_come_page_by_page(client, token):
    headers, seen, after = token("viewer"), [], ""
    while True:
        page = client.get(f"/alerts?limit=1{after}", headers=headers).json()
        seen += [each["rule_id"] for each in page["alerts"]]
        if not page["next"]:
            break
        after = f"&cursor={page['next']}"
    assert seen == [SECRET_VAULT, VAULT]
    assert len(client.get(f"/alerts?rule={VAULT}&severity=high", headers=headers).json()["alerts"]) == 1


def test_steps_and_verdicts_are_those_of_the_caller(client, token, runtime):
    headers = token("analyst")
    user = client.get("/config", headers=headers).json()["user"]
    [alert] = client.get(f"/alerts?rule={VAULT}", headers=headers).json()["alerts"]
    path = f"/alerts/{alert['id']}"
    assert client.post(f"{path}/ack", headers=headers, json={"note": "looking"}).json()["status"] == "acknowledged"
    assert client.post(f"{path}/resolve", headers=headers, json={}).json()["status"] == "resolved"
    refused = client.post(f"{path}/ack", headers=headers, json={})
    assert (refused.status_code, "reopened" in refused.json()["detail"]) == (409, True)
    assert client.post(f"{path}/reopen", headers=headers, json={}).json()["status"] == "open"
    client.post(f"{path}/verdict", headers=headers, json={"verdict": "benign", "note": "a drill"})
    whole = client.get(path, headers=headers).json()
    assert whole["verdict"]["by"] == user
    assert [each["action"] for each in whole["history"]] == ["acknowledge", "resolve", "reopen", "verdict: benign"]
    assert {each["by"] for each in trail(runtime.state, by=user)} == {user}


def test_a_rule_is_written_tested_and_removed(client, token, runtime, home):
    headers, rule_id = token("engineer"), str(uuid.uuid4())
    rule = RULE.format(title="Again", id=rule_id, product="acme")
    made = client.put(f"/rules/{rule_id}", headers=headers, json={"rule": rule, "tests": TESTS.format(match="true")})
    assert (made.status_code, made.json()["own"]) == (200, True)
    assert (home / "rules" / f"{rule_id}.yml").read_text() == rule
    failing = client.put(
        f"/rules/{rule_id}", headers=headers, json={"rule": rule, "tests": TESTS.format(match="false")}
    )
    assert failing.status_code == 422
    assert "1 of its tests fail: the vault is opened" in failing.json()["detail"]
    changed = client.put(f"/rules/{rule_id}", headers=headers, json={"rule": rule.replace("open_vault", "other")})
    assert changed.status_code == 422  # the tests that are there count
    assert client.delete(f"/rules/{rule_id}", headers=headers).status_code == 200
    assert client.get(f"/rules/{rule_id}", headers=headers).status_code == 404
    assert not [each for each in (home / "rules").iterdir() if rule_id in each.name]
    did = [each["action"] for each in trail(runtime.state) if each["subject"] == f"rule/{rule_id}"]
    assert did == ["saved", "deleted"]


@pytest.mark.parametrize("name", ["..%2f..%2fevil", "..", "%2e%2e", ".hidden", "a%00b", "a%2fb", "-x", "a" * 200])
def test_no_id_leads_out_of_the_folder(client, token, home, name):
    before = sorted(home.rglob("*.yml"))
    answer = client.put(f"/rules/{name}", headers=token("engineer"), json={"rule": "title: x"})
    assert answer.status_code in (404, 405)
    assert sorted(home.rglob("*.yml")) == before


def test_a_rule_with_another_id_or_none_is_refused(client, token, home):
    headers, rule = token("engineer"), RULE.format(title="x", id=str(uuid.uuid4()), product="acme")
    before = sorted(home.rglob("*"))
    for text in (rule, "title: x", "[", "a: &a [*a]", ""):
        answer = client.put("/rules/other-id", headers=headers, json={"rule": text})
        assert answer.status_code == 422
        assert "/tmp" not in answer.text
    assert [each for each in sorted(home.rglob("*")) if each not in before and not each.name.endswith(".lock")] == []


def test_a_rule_of_a_link_out_of_the_folder_is_not_the_instances_own(client, token, home, tmp_path, runtime):
    outside, rule_id = tmp_path / "outside.yml", str(uuid.uuid4())
    outside.write_text(RULE.format(title="Linked", id=rule_id, product="acme"))
    link = home / "rules" / "linked.yml"
    link.symlink_to(outside)
    runtime.reload_rules()
    answer = client.delete(f"/rules/{rule_id}", headers=token("engineer"))
    link.unlink()
    runtime.reload_rules()
    assert answer.status_code == 409
    assert outside.exists()


def test_a_query_becomes_a_rule_with_a_schedule(client, token, home):
    headers = token("engineer")
    made = client.post("/api/detections/rules", headers=headers, json={
        "user_id": "user-1", "name": "Failed: logins\nid: x", "query": "SELECT m_id, m_time FROM acme_audit",
        "severity": "high", "threshold": {"type": "count", "value": 5}, "schedule_expression": "rate(5 minutes)",
        "enabled": True})  # fmt: skip
    assert made.status_code == 201
    rule_id = made.json()["rule_id"]
    written = yaml.safe_load((home / "rules" / f"{rule_id}.yml").read_text())
    assert (written["title"], written["id"]) == ("Failed: logins\nid: x", rule_id)
    told = {"rule_id": rule_id, "schedule_expression": "rate(1 hour)", "enabled": False}
    scheduled = client.post("/api/detections/schedule", headers=headers, json=told).json()
    assert (scheduled["state"], scheduled["status"]) == ("DISABLED", "disabled")
    listed = client.get("/api/detections/schedules", headers=headers).json()["schedules"]
    assert [each["schedule_expression"] for each in listed if each["rule_id"] == rule_id] == ["rate(1 hour)"]


def _destination(folder):
    write_home(folder)
    (folder / "mantissa.toml").write_text(
        '[rules]\npacks = false\npaths = ["rules"]\n[log_types]\npaths = ["log_types"]\n'
    )
    return Runtime.open(folder)


def test_a_destination_is_saved_with_its_credentials_as_secrets(tmp_path):
    with _destination(tmp_path) as runtime, TestClient(create_app(runtime, environ={})) as api:
        _, value = Tokens(runtime.state).create("noor", Role.ENGINEER, by="amara")
        headers = {"Authorization": f"Bearer {value}"}
        sent = {"name": "Our Hook", "config": {"url": "https://hook.example.com/in", "secret": "s3cr3t-s3cr3t-s3cr3t"},
                "severity_filter": ["critical"], "enabled": False}  # fmt: skip
        answer = api.post("/api/integrations/wizard/webhook/save", headers=headers, json=sent)
        assert (answer.status_code, answer.json().get("integration_id")) == (201, "our-hook"), answer.text
        saved = {"id": "our-hook", "type": "core.webhook", "enabled": False, "severity_filter": ["critical"],
                 "health_status": "unknown"}  # fmt: skip
        assert answer.json()["integration"] == saved
        text = (tmp_path / "mantissa.toml").read_text()
        assert "s3cr3t" not in text + answer.text + api.get("/api/integrations", headers=headers).text
        assert "enabled = false" in text
        assert {each["by"] for each in trail(runtime.state) if each["subject"] == "sink/our-hook"} == {"noor"}


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("core.file", {"path": "/tmp/x"}),
        ("console", {}),
        ("webhook", {"url": "https://hook.example.com", "secret": "env:HOME"}),
        ("webhook", {"url": "https://hook.example.com", "headers": {"X": "secret://okta-token"}}),
        ("webhook", {"url": "https://hook.example.com", "headers": {"X": ["env:HOME"]}}),
    ],
    ids=["file", "console", "variable", "secret", "nested"],
)
def test_files_variables_and_secrets_of_the_server_are_not_for_destinations(client, token, kind, config):
    headers = token("engineer")
    tried = client.post("/api/integrations/validate", headers=headers, json={"type": kind, "config": config})
    saved = client.post(f"/api/integrations/wizard/{kind}/save", headers=headers, json={"name": "x", "config": config})
    assert (tried.status_code, saved.status_code) == (422, 422)
    assert "mantissa sinks add" in tried.json()["remedy"]


def test_bodies_are_limited_in_length_and_kind(client, token):
    headers = token("analyst")
    long = client.post("/query", headers={**headers, "Content-Type": "application/json"}, content=b" " * 1_100_000)
    assert long.status_code == 413
    assert client.post("/query", headers=headers, data={"sql": "SELECT 1"}).status_code == 415
    unknown = client.post("/query", headers=headers, json={"sql": "SELECT 1", "other": "s3cr3t"})
    assert (unknown.status_code, unknown.json()["place"], "s3cr3t" in unknown.text) == (422, "body: other", False)


def test_a_caller_who_calls_too_often_waits(home, runtime, token):
    settings = {**CONFIG, "home": str(home), "api": {"requests_per_minute": 2}}
    with Runtime.open(settings) as other, TestClient(create_app(other, environ={})) as api:
        mine, theirs = token("viewer"), token("viewer")
        answers = [api.get("/config", headers=mine) for _ in range(3)]
        assert [each.status_code for each in answers] == [200, 200, 429]
        assert 1 <= int(answers[2].headers["retry-after"]) <= 31
        assert api.get("/config", headers=theirs).status_code == 200


def test_no_page_may_call_it_unless_configured(home, client, token):
    asked = {"Origin": "https://siem.example.com", "Access-Control-Request-Method": "GET"}
    assert "access-control-allow-origin" not in client.options("/alerts", headers=asked).headers
    section = {"cors_allowed_origin": "https://siem.example.com"}
    settings = {**CONFIG, "home": str(home), "api": section}
    with Runtime.open(settings) as other, TestClient(create_app(other, environ={})) as api:
        assert api.options("/alerts", headers=asked).headers["access-control-allow-origin"] == asked["Origin"]
        evil = api.options("/alerts", headers={**asked, "Origin": "https://evil.example.com"})
        assert "access-control-allow-origin" not in evil.headers


@pytest.mark.parametrize("origin", ["*", "https://*.example.com", "null", "https://a.example.com/path"])
def test_a_wildcard_is_no_origin(home, origin):
    with pytest.raises(ConfigError, match=r"api\.cors_allowed_origin"):
        Runtime.open({"home": str(home), "api": {"cors_allowed_origin": origin}})


def test_every_answer_has_security_headers(client, token):
    for path in ("/health", "/config", "/nothing", "/alerts/none"):
        headers = client.get(path, headers=token("viewer")).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("value", ["true", "1", "TRUE", "yes"])
def test_there_is_no_development_mode(runtime, value):
    with pytest.raises(ConfigError, match="MANTISSA_DEV_MODE"):
        create_app(runtime, environ={"MANTISSA_DEV_MODE": value})


def test_what_is_broken_gets_a_number_and_no_reason(client, token, runtime, monkeypatch, capsys):
    value = "s3cr3t"

    def broken(*_args, **_others):
        raise KeyError(value)

    monkeypatch.setattr(runtime.alerts, "page", broken)
    answer = client.get("/alerts", headers=token("viewer"))
    assert answer.status_code == 500
    assert answer.json()["error"] in answer.json()["detail"]
    said = capsys.readouterr()
    assert value not in answer.text + said.out + said.err
    assert "Traceback" not in answer.text
