"""``mantissa mcp`` as a client starts it: a process, the protocol on its standard streams, and nothing else there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import anyio
import pytest
from mantissa_core.mcp.lines import split
from mantissa_core.runtime import Runtime
from mantissa_core.state import audit
from mcp import Client

from .conftest import SLOW, VAULT, command, refusal, started, text_of

PATIENCE = 90
INITIALIZE = {
    "jsonrpc": "2.0", "id": 0, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
}  # fmt: skip
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def over_stdio(home, work, *words, mode="auto"):
    """What ``work`` returns with a client that started the command."""

    async def main():
        async with Client(started(home, *words), mode=mode) as client:
            return await work(client)

    return anyio.run(main)


class Raw:
    """The command, spoken to line by line."""

    def __init__(self, home, *words):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command(home, *words), **pipes)

    def say(self, *messages):
        """Objects are sent as JSON, bytes as they are."""
        for each in messages:
            self.process.stdin.write(each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self):
        """The next message."""
        return json.loads(self.process.stdout.readline())

    def call(self, number, name, **arguments):
        """Send a call; its answer comes when it comes."""
        self.say({"jsonrpc": "2.0", "id": number, "method": "tools/call",
                  "params": {"name": name, "arguments": arguments}})  # fmt: skip


@pytest.fixture
def raw(home):
    """``raw("--role", "viewer")``: the command after its handshake."""
    running = []

    def start(*words):
        made = Raw(home, *words)
        running.append(made)
        made.say(INITIALIZE)
        assert made.hear()["result"]["serverInfo"]["name"] == "mantissa-log"
        made.say(INITIALIZED)
        return made

    yield start
    for each in running:
        each.process.kill()
        each.process.wait()
        for stream in (each.process.stdin, each.process.stdout, each.process.stderr):
            stream.close()


def trail(home):
    with Runtime.open(home) as opened:
        return audit.trail(opened.state)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_client_of_the_sdk_gets_answers(home, mode):
    async def work(client):
        tools = await client.list_tools()
        rows = await client.call_tool("query", {"sql": "SELECT count(*) AS n FROM acme_audit"})
        rule = await client.read_resource(f"mantissa://rules/{VAULT}")
        return client.server_info, tools, rows, rule

    info, tools, rows, rule = over_stdio(home, work, mode=mode)
    assert info.name == "mantissa-log"
    assert len(tools.tools) == 9
    assert rows.structured_content["rows"] == [{"n": 3_000}]
    assert "Vault opened" in rule.contents[0].text
    last = trail(home)[-2]
    assert (last["by"], last["caller"]) == (audit.this_user(), f"os/{audit.this_user()}")


def test_role_and_tables_limit_the_client(home):
    async def work(client):
        tools = {each.name for each in (await client.list_tools()).tools}
        return tools, text_of(await client.call_tool("schema", {})), text_of(await client.call_tool("alerts", {}))

    tools, schema, alerts = over_stdio(home, work, "--role", "viewer", "--tables", "acme_audit")
    assert tools == {"schema", "alerts", "alert", "rules", "rule"}
    assert "secret" not in schema + alerts
    assert "acme_audit" in schema
    assert "Vault opened" in alerts


def test_lines_that_are_no_messages_are_left_out_and_the_rest_goes_on(raw):
    client = raw()
    client.say(b"this is no JSON\n", b'{"jsonrpc": "2.0", "id"\n', b"\xff\xfe\n", b"[]\n", b"\n")
    client.call(1, "query", sql="SELECT 1 AS n")
    answer = client.hear()
    assert (answer["id"], answer["result"]["structuredContent"]["rows"]) == (1, [{"n": 1}])


def test_nothing_but_the_protocol_is_on_standard_output(raw):
    client = raw()
    client.call(1, "query", sql="DROP TABLE acme_audit")
    client.call(2, "nope")
    client.say({"jsonrpc": "2.0", "id": 3, "method": "no/such"})
    client.hear(), client.hear(), client.hear()
    client.process.stdin.close()
    assert client.process.wait(PATIENCE) == 0
    assert client.process.stdout.read() == b""


def test_a_call_that_is_cancelled_is_not_answered_and_its_query_stops(raw, home):
    client = raw()
    client.call(1, "query", sql=SLOW)
    client.call(2, "rules")
    assert client.hear()["id"] == 2
    client.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
    client.call(3, "query", sql="SELECT 3 AS n")
    assert client.hear()["id"] == 3
    client.process.stdin.close()
    assert client.process.wait(PATIENCE) == 0  # less than the query would have taken
    assert client.process.stdout.read() == b""
    slow = [each for each in trail(home) if each.get("sql") == SLOW]
    assert slow[-1]["outcome"] == "cancelled"


@pytest.mark.parametrize("end", ["input", "SIGTERM", "SIGINT"])
def test_when_the_client_goes_or_a_signal_comes_the_query_stops_and_the_process_ends(raw, home, end):
    client = raw()
    before = sum(each.get("sql") == SLOW for each in trail(home))
    client.call(1, "query", sql=SLOW)
    client.call(2, "rules")
    assert client.hear()["id"] == 2
    if end == "input":
        client.process.stdin.close()
    else:
        client.process.send_signal(getattr(signal, end))
    assert client.process.wait(PATIENCE) == 0
    assert b"Traceback" not in client.process.stderr.read()
    slow = [each for each in trail(home) if each.get("sql") == SLOW]
    assert [each["outcome"] for each in slow[before:]] == ["cancelled"]


def test_a_signal_ends_it_while_it_waits_for_input(raw):
    client = raw()
    client.process.send_signal(signal.SIGINT)
    assert client.process.wait(PATIENCE) == 0
    assert client.process.stderr.read() == b""


def test_a_table_that_is_none_is_refused_before_anything_is_served(home):
    code, said = refusal(home, "--tables", "acme_audit,acme_audti")
    assert (code, "there is no table acme_audti" in said) == (2, True)


@pytest.mark.parametrize(
    ("words", "why"),
    [(["--http", "--role", "viewer"], "the caller's token says both"), (["--port", "1"], "need --http")],
    ids=["role", "port"],
)
def test_options_of_the_other_transport_are_refused(home, words, why):
    code, said = refusal(home, *words)
    assert (code, why in said) == (2, True)


def test_without_the_sdk_it_says_what_to_install(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp", None)
    code, said = refusal(home)
    assert (code, "pip install 'mantissa-core[mcp]'" in said) == (3, True)


def test_lines_are_split_and_what_is_too_long_is_dropped():
    incoming, outgoing = os.pipe()
    for piece in (b"one\nt", b"wo\n", b"x" * 50, b"x" * 50 + b"\nthree\n", b"y" * 11 + b"\n", b"four"):
        os.write(outgoing, piece)
    os.close(outgoing)
    assert list(split(incoming, longest=10)) == [b"one", b"two", b"three", b"four"]
    os.close(incoming)
