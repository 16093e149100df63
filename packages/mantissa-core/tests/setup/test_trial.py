from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from mantissa_core import Runtime
from mantissa_core.errors import ConfigError, NeedsOperator, PluginError
from mantissa_core.hookspecs import AlertSink
from mantissa_core.model import Choice, Delivery
from mantissa_core.setup.trial import TEST, choices, send, validate
from mantissa_core.testing.fake_http import Fault

from .conftest import TOKEN, Hook, ticket_answers


def hook_answers(hook: Hook, token: str = TOKEN, **changes: Any) -> dict[str, Any]:
    return {"url": hook.url, "headers": {"Authorization": token}, "timeout": 5, **changes}


def test_a_right_answer_sends_a_message_that_says_that_it_is_a_test(runtime: Runtime, hook: Hook) -> None:
    found = validate(runtime, "core.webhook", hook_answers(hook))
    assert found.success, found.message
    assert found.message == "the test message arrived"
    assert found.details["latency_ms"] > 0
    assert found.details["response"]["status"] == 204
    [request] = hook.requests
    alert = json.loads(request.body)["alert"]
    assert (alert["summary"], alert["severity"], alert["rule_id"]) == (TEST, "informational", "mantissa-test")


def test_what_stays_open_there_is_resolved(runtime: Runtime, tickets: list[Delivery]) -> None:
    assert validate(runtime, "acme.tickets", ticket_answers()).success
    opened, resolved = tickets
    assert (opened.event, resolved.event, resolved.previous) == ("opened", "resolved", "SEC-1")
    assert opened.alert.id == resolved.alert.id
    assert resolved.alert.status == "resolved"
    assert opened.key != resolved.key


def test_what_cannot_be_resolved_is_told(runtime: Runtime) -> None:
    found = validate(runtime, "acme.tickets", ticket_answers(kind="bug"))
    assert not found.success
    assert "stays open: end SEC-1 there" in found.message


def test_without_a_test_message_only_the_check_is_made(runtime: Runtime, tickets: list[Delivery]) -> None:
    assert validate(runtime, "acme.tickets", ticket_answers(), send_test=False).success
    assert not validate(runtime, "acme.tickets", ticket_answers(token="wr0ng"), send_test=False).success
    assert tickets == []


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.BUSY, Fault.SERVER_ERROR, Fault.REJECTED])
def test_a_refusal_is_told_without_the_secret(runtime: Runtime, hook: Hook, fault: Fault) -> None:
    hook.inject(fault)
    found = validate(runtime, "core.webhook", hook_answers(hook))
    assert not found.success
    assert TOKEN not in repr(found)
    assert "127.0.0.1" in found.message


@pytest.mark.parametrize("step", ["check", "receipt"])
def test_a_plugin_that_repeats_the_secret_is_not_heard(runtime: Runtime, step: str) -> None:
    token = "wr0ng-t0ken" if step == "check" else TOKEN
    found = validate(runtime, "acme.tickets", ticket_answers(token=token))
    assert found.success == (step == "receipt")
    assert token not in repr(found)
    assert "***" in repr(found)


def test_a_setting_that_is_wrong_or_lacking_is_named(runtime: Runtime) -> None:
    found = validate(runtime, "acme.tickets", {"token": TOKEN})
    assert "sinks.candidate.project: found nothing" in found.message
    found = validate(runtime, "acme.tickets", ticket_answers(size="large"))
    assert "sinks.candidate.size" in found.message
    with pytest.raises(PluginError, match="is not installed"):
        validate(runtime, "acme.unknown", {})
    with pytest.raises(ConfigError, match="label"):
        validate(runtime, "acme.tickets", {}, label="no such/label")


def test_the_instance_and_its_sinks_do_not_meet_the_candidate(runtime: Runtime, hook: Hook, path: Path) -> None:
    running = runtime.plugins(AlertSink).keys()
    assert validate(runtime, "core.webhook", hook_answers(hook), label="log").success
    assert not validate(runtime, "core.webhook", hook_answers(hook, "wr0ng"), label="log").success
    assert runtime.plugins(AlertSink).keys() == running
    assert not runtime.host.quarantine
    assert dict(runtime.secrets.list_secrets()) == {}


def test_the_instances_policies_see_the_test_message(path: Path, hook: Hook) -> None:
    path.write_text(path.read_text() + '\n[[policies]]\nplugin = "core.audit"\n')
    structlog.reset_defaults()  # a command that ran before may have left a level that shows warnings alone
    with Runtime.open(path) as runtime, structlog.testing.capture_logs() as logged:
        assert validate(runtime, "core.webhook", hook_answers(hook)).success
    assert [each["message"] for each in logged if each["event"] == "delivered"] == ["opened"]


def test_a_reference_in_an_answer_is_resolved(runtime: Runtime, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.secrets.put_secret("stored", TOKEN, None)
    monkeypatch.setenv("ACME", TOKEN)
    for reference in ("secret://stored", "env:ACME"):
        assert validate(runtime, "core.webhook", hook_answers(hook, reference)).success


def test_choices_come_from_the_destination_before_all_is_answered(runtime: Runtime) -> None:
    found = choices(runtime, "acme.tickets", {"token": TOKEN}, "project")
    assert found == [Choice("SEC", "Security"), Choice("OPS", "Operations")]
    with pytest.raises(NeedsOperator, match="answer 'project' first"):
        choices(runtime, "acme.tickets", {"token": TOKEN}, "kind")
    with pytest.raises(NeedsOperator, match=r"refuses the token \*\*\*"):
        choices(runtime, "acme.tickets", {"token": "wr0ng"}, "project")


def test_a_sink_that_lists_nothing_offers_nothing(runtime: Runtime) -> None:
    assert choices(runtime, "core.webhook", {}, "url") == ()


def test_a_configured_sink_is_tested_the_same_way(runtime: Runtime, path: Path) -> None:
    found = send(runtime.plugins(AlertSink)["log"], "core.file", "log")
    assert found.success
    assert TEST in (path.parent / "alerts.ndjson").read_text()
