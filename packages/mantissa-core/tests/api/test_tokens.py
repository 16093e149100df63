"""Tokens: shown once, kept as a hash, gone when they expire or are revoked."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
from mantissa_core.api.roles import Role
from mantissa_core.api.tokens import PARTITION, TokenError, Tokens
from mantissa_core.runtime import Runtime
from mantissa_core.state import audit


@pytest.fixture
def clock():
    """A clock that is set by hand."""

    class Clock:
        now = datetime(2026, 11, 20, tzinfo=UTC)

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def empty(tmp_path):
    """An instance that has nothing."""
    with Runtime.open({"home": str(tmp_path)}) as opened:
        yield opened


@pytest.fixture
def tokens(empty, clock):
    """Its tokens, at that clock."""
    return Tokens(empty.state, clock=clock)


def test_a_token_stands_for_its_name_role_and_tables(tokens):
    made, value = tokens.create("dashboard", Role.VIEWER, tables=["acme_audit"], by="amara")
    caller = tokens.caller(value)
    assert (caller.id, caller.name, caller.role) == (f"token/{made.id}", "dashboard", Role.VIEWER)
    assert caller.sees("acme_audit")
    assert not caller.sees("secret_audit")


def test_what_is_stored_does_not_hold_the_token(tokens, empty):
    _, value = tokens.create("dashboard", Role.ADMIN, by="amara")
    secret = value.split("_", 2)[2]
    assert secret not in str([each.value for each in empty.state.scan(PARTITION)])
    assert not any(secret.encode() in each.read_bytes() for each in empty.home.rglob("*") if each.is_file())


def test_a_changed_token_is_none(tokens):
    _, value = tokens.create("dashboard", Role.VIEWER, by="amara")
    other = value[:-1] + ("a" if value[-1] != "a" else "b")
    assert tokens.caller(other) is None
    assert tokens.caller(value + "a") is None
    assert tokens.caller(value + "\n") is None
    assert tokens.caller("") is None


def test_an_expired_token_is_none_at_that_moment(tokens, clock):
    _, value = tokens.create("dashboard", Role.VIEWER, lifetime=timedelta(days=90), by="amara")
    clock.now += timedelta(days=90) - timedelta(seconds=1)
    assert tokens.caller(value)
    clock.now += timedelta(seconds=1)
    assert tokens.caller(value) is None
    assert tokens.all() == []


def test_a_revoked_token_is_none_for_a_server_that_runs(client, token, runtime):
    headers = token("admin")
    user = client.get("/config", headers=headers).json()["user"]
    [each] = [each for each in client.get("/tokens", headers=headers).json()["tokens"] if each["name"] == user]
    assert client.delete(f"/tokens/{each['id']}", headers=headers).status_code == 200
    assert client.get("/config", headers=headers).status_code == 401


def test_a_name_is_given_once(tokens):
    tokens.create("dashboard", Role.VIEWER, by="amara")
    with pytest.raises(TokenError, match="already"):
        tokens.create("dashboard", Role.ADMIN, by="amara")
    with pytest.raises(TokenError, match="there is no token other"):
        tokens.revoke("other", by="amara")


def test_who_made_and_revoked_it_is_written_down(tokens, empty, clock):
    tokens.create("dashboard", Role.VIEWER, by="amara")
    clock.now += timedelta(seconds=1)
    tokens.revoke("dashboard", by="noor")
    told = [(each["action"], each["by"]) for each in audit.entries(empty.state, PARTITION, "token/dashboard")]
    assert told == [("created", "amara"), ("revoked", "noor")]


def test_a_token_made_over_the_api_is_shown_once_and_in_no_log(client, token, runtime, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    admin = token("admin")
    made = client.post("/tokens", headers=admin, json={"name": "bot", "role": "analyst", "expires_in_days": 1})
    value = made.json()["token"]
    headers = {"Authorization": f"Bearer {value}"}
    assert client.get("/config", headers=headers).json()["role"] == "analyst"
    client.post("/query", headers=headers, content="{", params={})
    client.post(
        "/query", headers={**headers, "Content-Type": "application/json"}, content=f'{{"sql": 1, "x": "{value}"}}'
    )
    said = capsys.readouterr()
    told = [said.out, said.err, caplog.text, client.get("/tokens", headers=admin).text,
            client.get("/audit", headers=admin).text]  # fmt: skip
    assert [each for each in told if value in each or value.split("_", 2)[2] in each] == []
    assert str([each.value for each in runtime.state.scan(PARTITION)]).count("bot") >= 1
