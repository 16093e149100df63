"""``mantissa tokens``, ``mantissa serve`` and ``mantissa audit``."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import httpx
import pytest
from mantissa_core.testing.certificates import make_certificate

from .conftest import documents, event, write_lines


@pytest.fixture(autouse=True)
def no_development(monkeypatch):
    """Nor anything else of the API's."""
    for name in ("MANTISSA_DEV_MODE", "CORS_ALLOWED_ORIGIN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve(home):
    """``serve("--port", "0")``: the command in a process of its own; returns its address once it listens."""
    running = []

    def start(*words):
        command = [sys.executable, "-m", "mantissa_core.cli.app", "-C", str(home), "serve", "--port", "0", *words]
        script = "from mantissa_core.cli import main; main()"
        process = subprocess.Popen([sys.executable, "-c", script, *command[3:]], stderr=subprocess.PIPE, text=True)
        running.append(process)
        first = process.stderr.readline()
        found = re.search(r" at (https?://\S+)\. Ctrl-C", first)
        assert found, first + process.stderr.read()
        return process, found[1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_a_token_is_printed_once_and_listed_without_its_value(mantissa_at):
    made = mantissa_at(
        "tokens",
        "create",
        "dash",
        "--role",
        "viewer",
        "--scope",
        "alerts:read",
        "--table",
        "acme_audit",
        "--expires",
        "90d",
    )
    value = made.stdout.strip()
    assert re.fullmatch(r"mlog_[0-9a-f]{16}_[\w-]{43}", value)
    listed = mantissa_at("tokens", "list").output
    assert "dash" in listed
    assert "acme_audit" in listed
    assert value not in listed + mantissa_at("--json", "tokens", "list").output + mantissa_at("audit").output
    assert "alerts:read" in listed
    [document] = documents(mantissa_at("--json", "tokens", "list"))
    assert (document["tables"], document["scopes"]) == (["acme_audit"], ["alerts:read"])
    assert mantissa_at("tokens", "revoke", "dash").output == "Revoked dash.\n"
    assert "There are no tokens" in mantissa_at("tokens", "list").output


@pytest.mark.parametrize(
    ("scope", "reason"),
    [("acme_audit", "is none of"), ("rules:write", "takes the role engineer")],
    ids=["table", "role"],
)
def test_what_is_no_scope_of_the_role_is_refused(mantissa_at, scope, reason):
    refused = mantissa_at("tokens", "create", "dash", "--role", "viewer", "--scope", scope)
    assert refused.exit_code == 2
    assert reason in " ".join(refused.stderr.split())


@pytest.mark.parametrize("text", ["soon", "0d", "-1d", "9" * 400 + "d"], ids=["word", "zero", "negative", "endless"])
def test_what_is_no_length_of_time_is_refused(mantissa_at, text):
    assert mantissa_at("tokens", "create", "dash", "--role", "viewer", f"--expires={text}").exit_code == 2


def test_it_serves_until_it_is_stopped(mantissa_at, serve):
    token = mantissa_at("tokens", "create", "dash", "--role", "viewer").stdout.strip()
    process, address = serve()
    assert address.startswith("http://127.0.0.1:")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        assert client.get("/config").json()["role"] == "viewer"
        assert "server" not in client.get("/health").headers
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM)
    assert token not in log
    assert "path=/config" in log


def test_it_serves_with_tls(home, serve):
    certificate, key = make_certificate(home)
    with (home / "mantissa.toml").open("a") as file:
        file.write(f'\n[api]\ntls_certificate = "{certificate}"\ntls_key = "{key}"\n')
    _, address = serve()
    assert address.startswith("https://")
    assert httpx.get(f"{address}/health", verify=False, timeout=30).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "siem.example.com"])
def test_it_does_not_send_tokens_over_a_network_in_plain_text(mantissa_at, host):
    result = mantissa_at("serve", "--host", host)
    assert result.exit_code == 2
    assert "tls_certificate" in result.output + result.stderr


def test_there_is_no_development_mode(mantissa_at, monkeypatch):
    monkeypatch.setenv("MANTISSA_DEV_MODE", "true")
    result = mantissa_at("serve")
    assert result.exit_code == 2
    assert "mantissa tokens create" in result.output + result.stderr


def test_the_audit_log_tells_who_did_what(home, mantissa_at):
    write_lines(home / "incoming" / "a.log", event(1, "open_vault"))
    for words in (["collect"], ["detect"], ["tokens", "create", "dash", "--role", "viewer"]):
        assert mantissa_at(*words).exit_code == 0
    [alert] = documents(mantissa_at("--json", "alerts", "list"))
    mantissa_at("alerts", "ack", alert["id"])
    found = documents(mantissa_at("--json", "audit"))
    assert [(each["subject"], each["action"]) for each in found] == [
        ("token/dash", "created"),
        (f"alert/{alert['id']}", "acknowledge"),
    ]
    assert "acknowledge" in mantissa_at("audit", "--since", "1h").output
    mantissa_at("query", "SELECT 41 + 1")
    mantissa_at("query", "SELECT nothing FROM nothing")
    asked = [(each["sql"], each["outcome"]) for each in documents(mantissa_at("--json", "audit"))[-2:]]
    assert asked == [("SELECT 41 + 1", "succeeded"), ("SELECT nothing FROM nothing", "failed")]
    assert documents(mantissa_at("--json", "audit", "--user", "nobody")) == []
    assert documents(mantissa_at("--json", "audit", "--since", "9999-01-01")) == []
    assert mantissa_at("audit", "--since", "yesterday-ish").exit_code == 2
