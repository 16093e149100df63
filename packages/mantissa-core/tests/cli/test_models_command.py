"""``mantissa models`` in front of a fake over the wire."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from mantissa_core.testing.fake_http import Fault
from mantissa_core.testing.llm_provider import FakeOpenAI

from .conftest import documents, write_lines

KEY = "key-of-the-tests"


@pytest.fixture
def model(home, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TINY_KEY", KEY)
    with FakeOpenAI(KEY) as server:
        config = home / "mantissa.toml"
        config.write_text(
            f'{config.read_text()}\n[llm_providers.tiny]\nplugin = "core.openai_compatible"\n'
            f'base_url = "{server.url}"\nmodel = "gpt-4.1"\napi_key = "env:TINY_KEY"\ntimeout = 20\n'
            '[llm_providers.spare]\nplugin = "core.openai_compatible"\nenabled = false\n'
            '[llm_providers.odd]\nplugin = "core.nothing"\n[ask]\nprovider = "tiny"\n'
        )
        server.reply = "ready\x1b[31m"
        yield server


def test_the_list_shows_models_prices_and_what_was_spent_and_asks_none(mantissa_at, model):
    result = mantissa_at("models", "list")
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line for line in result.output.splitlines() if line.strip()}
    assert "gpt-4.1" in lines["tiny"]
    assert "2 + 8" in lines["tiny"]
    assert lines["tiny"].rstrip().endswith("asked")
    assert lines["spare"].rstrip().endswith("off")
    assert "broken" in lines["odd"]
    assert "0 of 5,000,000 tokens" in result.output
    assert model.requests == []
    document = documents(mantissa_at("--json", "models", "list"))
    assert document["models"][0]["price"] == {"input": 2, "output": 8}
    assert (document["today"]["tokens"], document["limits"]["money_per_day"], document["stopped"]) == (0, 20, None)


def test_a_test_asks_over_the_wire_and_says_what_it_cost(mantissa_at, model):
    result = mantissa_at("models", "test", "tiny")
    assert result.exit_code == 0, result.output
    assert "ready" in result.output
    assert "\x1b" not in result.output
    assert "42 read, 7 written" in result.output
    assert "0.000140 USD" in result.output
    assert len(model.requests) == 1
    document = documents(mantissa_at("--json", "models", "test", "tiny"))
    assert (document["model"], document["usd"]) == ("gpt-4.1-2026", pytest.approx((42 * 2 + 7 * 8) / 1e6))
    assert documents(mantissa_at("--json", "models", "list"))["today"]["tokens"] == 98


def test_a_test_that_fails_says_why_and_costs_nothing(mantissa_at, model, monkeypatch):
    assert mantissa_at("models", "test", "nobody").exit_code == 2
    monkeypatch.setenv("TINY_KEY", "wrong")
    refused = mantissa_at("models", "test", "tiny")
    assert refused.exit_code == 3
    assert "credential" in refused.stderr
    assert documents(mantissa_at("--json", "models", "list"))["today"]["tokens"] == 0
    model.inject(Fault.BUSY)
    assert mantissa_at("models", "test", "tiny").exit_code == 4
    assert 0 < documents(mantissa_at("--json", "models", "list"))["today"]["tokens"] < 42


def test_stopped_models_are_not_asked_until_they_are_resumed_and_both_is_audited(mantissa_at, model, home):
    write_lines(home / "incoming" / "a.ndjson", {"key": "k", "at": datetime.now(UTC).isoformat(), "actor": "amara"})
    assert mantissa_at("collect").exit_code == 0
    assert mantissa_at("models", "stop", "--reason", "the invoice").exit_code == 0
    stopped = mantissa_at("models", "test", "tiny")
    assert stopped.exit_code == 3
    assert "switched off: the invoice" in stopped.stderr
    asked = mantissa_at("ask", "who drummed upon which vault lately?")
    assert asked.exit_code == 2
    assert "the invoice" in asked.output
    assert model.requests == []
    listed = mantissa_at("models", "list")
    assert "stopped" in listed.output
    assert "the invoice" in listed.output
    assert mantissa_at("models", "resume").exit_code == 0
    assert "were not stopped" in mantissa_at("models", "resume").output
    assert mantissa_at("models", "test", "tiny").exit_code == 0
    did = [each["action"] for each in documents(mantissa_at("--json", "audit")) if each["subject"] == "models"]
    assert did == ["stopped", "resumed", "tested"]


def test_without_a_model_the_list_says_that_none_is_needed(mantissa_at):
    assert "answered without one" in mantissa_at("models", "list").output
