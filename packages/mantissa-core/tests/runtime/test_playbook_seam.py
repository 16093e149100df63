"""Playbooks from words: what is understood, and who writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import yaml
from mantissa_core import Runtime, catalog
from mantissa_core.ask.parse import Abstained
from mantissa_core.ask.rule import read_responses
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import PlaybookDraft

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
WORDS = "When a user fails login 5+ times in 10 minutes, disable the user and notify the team"
EVENT = {"uuid": "event-1", "published": "2026-11-20T08:00:00Z", "eventType": "user.session.start",
         "actor": {"alternateId": "amara@example.com"}, "outcome": {"result": "SUCCESS"}}  # fmt: skip


class Writer:
    """A module that writes playbooks."""

    class Config(PluginConfig):
        """Nothing to set."""

    def __init__(self, config):
        pass

    @hookimpl
    def write_playbook(self, request):
        if any(each.verb == "isolate_host" for each in request.responses):
            return None
        steps = [each.verb for each in request.responses]
        return PlaybookDraft(yaml.safe_dump({"on": request.rule_id, "steps": steps}), f"Begins with {request.title}.")


class Other:
    """A module that does not."""

    class Config(PluginConfig):
        """Nothing to set."""

    def __init__(self, config):
        pass


@pytest.fixture
def siem(tmp_path, monkeypatch):
    """``siem("other", "writer")``: an instance with these modules."""
    pytest.importorskip("mantissa_okta")
    real, plugins, opened = catalog.load, {"test.writer": Writer, "test.other": Other}, []
    monkeypatch.setattr(catalog, "load", lambda group, name: plugins.get(name) or real(group, name))

    def make(*modules):
        settings = {
            "home": str(tmp_path),
            "rules": {"packs": False},
            "modules": {each: {"plugin": f"test.{each}"} for each in modules},
        }
        opened.append(found := Runtime.open(settings))
        found.clock = lambda: NOW
        found.ingest("okta.system", [EVENT])
        return found

    yield make
    for each in opened:
        each.close()


@pytest.mark.parametrize(
    ("words", "trigger", "responses"),
    [
        (WORDS, "a user fails login 5+ times in 10 minutes", [("disable_user", "user"), ("notify", "team")]),
        ("if root logs in, block the ip, then open a ticket", "root logs in", [("block_ip", "ip"),
                                                                                  ("create_ticket", "ticket")]),
        ("MFA is reset and revoke all sessions", "MFA is reset", [("revoke_sessions", "sessions")]),
        ("a login and then a logout", "a login and then a logout", []),
        ("", "", []),
    ],
)  # fmt: skip
def test_what_is_to_be_done_is_told_from_what_happens(words, trigger, responses):
    text, found = read_responses(words)
    assert (text, [(each.verb, each.target) for each in found]) == (trigger, responses)


def test_a_module_writes_the_playbook(siem):
    instance = siem("other", "writer")
    made = instance.playbook_from(WORDS)
    assert made.explanation == "Begins with A user fails login 5+ times in 10 minutes."
    rule = instance.rule_from("a user fails login 5+ times in 10 minutes")
    assert yaml.safe_load(made.text) == {"on": rule.id, "steps": ["disable_user", "notify"]}


def test_without_such_a_module_that_is_said_with_what_was_understood(siem):
    made = siem("other").playbook_from(WORDS)
    assert isinstance(made, Abstained)
    assert made.reason.startswith("no installed module writes playbooks")
    assert "5 or more events of one user within 10m" in made.reason
    assert "disable_user (user), notify (team)" in made.reason


def test_a_module_that_cannot_is_passed_over(siem):
    made = siem("writer").playbook_from("when a user fails login, isolate the host")
    assert isinstance(made, Abstained)


@pytest.mark.parametrize(
    ("words", "reason"), [("root logs in", "what is to be done"), ("the weather is bad, notify me", "not understood")]
)
def test_words_that_say_too_little_are_abstained_from(siem, words, reason):
    made = siem("writer").playbook_from(words)
    assert isinstance(made, Abstained)
    assert reason in made.reason
