"""``mantissa mcp --http``: tokens, roles, origins, sessions."""

from __future__ import annotations

import re
import subprocess
from contextlib import asynccontextmanager
from itertools import count

import anyio
import httpx2
import pytest
from mantissa_core.api.roles import Role
from mantissa_core.api.scopes import Scope
from mantissa_core.api.tokens import Tokens
from mantissa_core.mcp.http import create_app
from mantissa_core.runtime import Runtime
from mantissa_core.state import audit
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.testclient import TestClient

from .conftest import SLOW, command, refusal, text_of

JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
INITIALIZE = {
    "jsonrpc": "2.0", "id": 0, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
}  # fmt: skip
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.fixture(scope="module")
def token(runtime):
    """``token("viewer", ["acme_audit"])``: the value of a new token of that role."""
    made, numbers = Tokens(runtime.state), count()

    def create(role, tables=None, name=None, scopes=None):
        name = name or f"{role}-{next(numbers)}"
        return made.create(name, Role(role), tables=tables, scopes=scopes, by="noor")[1]

    return create


@pytest.fixture(scope="module")
def address(home):
    """Of the command in a process of its own."""
    process = subprocess.Popen(command(home, "--http", "--port", "0"), stderr=subprocess.PIPE, text=True)
    first = process.stderr.readline()
    found = re.search(r" at (http://127\.0\.0\.1:\d+/mcp)\. Ctrl-C", first)
    assert found, first + process.stderr.read()
    yield found[1]
    process.terminate()
    process.communicate(timeout=90)


@asynccontextmanager
async def connected(address, token, mode="auto"):
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=90) as http,
        Client(streamable_http_client(address, http_client=http), mode=mode) as client,
    ):
        yield client


def over_http(address, token, work, mode="auto"):
    async def main():
        async with connected(address, token, mode) as client:
            return await work(client)

    return anyio.run(main)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_analyst_asks_and_is_written_down_by_the_token_s_name(address, token, home, mode):
    name = f"amara-{mode}"

    async def work(client):
        tools = await client.list_tools()
        first = await client.call_tool("ask", {"question": "how many events of acme since 2026-11-01 by user",
                                               "conversation": "new"})  # fmt: skip
        conversation = first.structured_content["conversation"]
        again = await client.call_tool("ask", {"question": "only of lin", "conversation": conversation})
        return tools, first, again

    tools, first, again = over_http(address, token("analyst", name=name), work, mode)
    assert len(tools.tools) == 9
    assert first.structured_content["rows"] == [{"m_user": "amara", "events": 3_000}]
    assert again.structured_content["rows"] == []
    with Runtime.open(home) as opened:
        mine = audit.trail(opened.state, by=name)
    assert [each["subject"] for each in mine] == ["ask", "tool/ask", "ask", "tool/ask"]
    assert mine[0]["caller"].startswith("token/")


def test_a_viewer_s_token_neither_asks_nor_sees_other_tables(address, token):
    async def work(client):
        tools = {each.name for each in (await client.list_tools()).tools}
        refused = await client.call_tool("query", {"sql": "SELECT 1 AS n"})
        return tools, refused, text_of(await client.call_tool("schema", {}))

    tools, refused, schema = over_http(address, token("viewer", ["acme_audit"]), work)
    assert tools == {"schema", "alerts", "alert", "rules", "rule"}
    assert refused.is_error
    assert "secret" not in schema


def test_a_token_for_alerts_does_not_query_whatever_its_role(address, token):
    async def work(client):
        tools = {each.name for each in (await client.list_tools()).tools}
        return tools, await client.call_tool("query", {"sql": "SELECT 1 AS n"})

    tools, refused = over_http(address, token("analyst", scopes=[Scope.ALERTS_READ]), work)
    assert tools == {"alerts", "alert"}
    assert refused.is_error
    assert "this takes the scope query, the token has alerts:read" in text_of(refused)


def test_a_conversation_of_somebody_else_is_not_there(address, token):
    question = {"question": "how many events of acme since 2026-11-01", "conversation": "new"}

    async def begin(client):
        return (await client.call_tool("ask", question)).structured_content["conversation"]

    begun = over_http(address, token("analyst"), begin)
    stolen = over_http(
        address, token("analyst"),
        lambda client: client.call_tool("ask", {"question": "only of lin", "conversation": begun}),
    )  # fmt: skip
    assert stolen.is_error


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_call_that_is_cancelled_stops_its_query(address, token, home, mode):
    name = f"hasty-{mode}"

    async def work(client):
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "query", {"sql": SLOW})
            await client.call_tool("rules", {})
            await anyio.sleep(1)  # it was sent before the one that is answered; nothing tells that it runs
            group.cancel_scope.cancel()
        return await client.call_tool("rules", {})

    assert not over_http(address, token("analyst", name=name), work, mode).is_error
    with Runtime.open(home) as opened:
        for _ in range(300):
            slow = [each for each in audit.trail(opened.state, by=name) if each.get("sql") == SLOW]
            if slow:
                break
            anyio.run(anyio.sleep, 0.1)
    assert [each["outcome"] for each in slow] == ["cancelled"]


@pytest.fixture(scope="module")
def client(runtime):
    """The application in this process, spoken to by plain HTTP."""
    with TestClient(create_app(runtime, runtime.settings.api), base_url="http://127.0.0.1:8766") as found:
        yield found


def post(client, message, token=None, **headers):
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return client.post("/mcp", json=message, headers={**JSON, **bearer, **headers})


def test_without_a_token_nobody_gets_in(client):
    for bearer in (None, "mlog_0000000000000000_" + "A" * 43, "x" * 20_000):
        answer = post(client, INITIALIZE, bearer)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["remedy"].startswith("'mantissa tokens create'")


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [("Host", "siem.example.com", 421), ("Host", "127.0.0.1.example.com:8766", 421),
     ("Origin", "https://example.com", 403), ("Origin", "http://localhost.example.com", 403)],
)  # fmt: skip
@pytest.mark.parametrize("message", [INITIALIZE, LIST], ids=["initialize", "modern"])
def test_other_hosts_and_origins_are_refused(client, token, header, value, status, message):
    version = {} if message is INITIALIZE else {"MCP-Protocol-Version": "2026-07-28"}
    assert post(client, message, token("viewer"), **{header: value}, **version).status_code == status
    assert post(client, INITIALIZE, token("viewer"), Origin="http://localhost:3000").status_code == 200


def test_hosts_and_origins_that_are_configured_are_taken(opened, token):
    runtime = opened(mcp={"allowed_hosts": ("siem.example.com",), "allowed_origins": ("https://siem.example.com",)})
    with TestClient(create_app(runtime, runtime.settings.api), base_url="http://siem.example.com") as client:
        answer = post(client, INITIALIZE, token("viewer"), Origin="https://siem.example.com")
        assert answer.status_code == 200


@pytest.mark.parametrize(("host", "status"), [("192.0.2.10", 200), ("0.0.0.0", 421)], ids=["own", "every"])
def test_the_address_that_it_listens_on_is_taken(runtime, token, host, status):
    section = runtime.settings.api.model_copy(update={"host": host})
    with TestClient(create_app(runtime, section), base_url=f"http://{host}:8766") as client:
        assert post(client, INITIALIZE, token("viewer")).status_code == status


def test_a_session_is_its_token_s_own_and_ends_with_it(client, token, runtime):
    mine, other = token("viewer", name="lin"), token("viewer")
    session = post(client, INITIALIZE, mine).headers["mcp-session-id"]
    own = {"mcp-session-id": session}
    assert post(client, {"jsonrpc": "2.0", "method": "notifications/initialized"}, mine, **own).status_code == 202
    assert post(client, LIST, mine, **own).status_code == 200
    assert post(client, LIST, other, **own).status_code == 404
    Tokens(runtime.state).revoke("lin", by="noor")
    assert post(client, LIST, mine, **own).status_code == 401


def test_requests_are_counted_and_long_bodies_refused(opened, token):
    runtime = opened(api={"requests_per_minute": 3, "max_body_kilobytes": 1})
    bearer = token("viewer")
    with TestClient(create_app(runtime, runtime.settings.api), base_url="http://127.0.0.1:8766") as client:
        long = post(client, {**INITIALIZE, "padding": "x" * 2_000}, bearer)
        assert long.status_code == 413
        codes = [post(client, INITIALIZE, bearer).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        assert "Retry-After" in post(client, INITIALIZE, bearer).headers


def test_an_address_that_others_reach_wants_tls(home):
    code, said = refusal(home, "--http", "--host", "0.0.0.0")
    assert (code, "tls_certificate" in said) == (2, True)


def test_development_without_tokens_is_refused(home, monkeypatch):
    monkeypatch.setenv("MANTISSA_DEV_MODE", "true")
    code, said = refusal(home, "--http", "--port", "0")
    assert (code, "MANTISSA_DEV_MODE" in said) == (2, True)
