"""The conformance kit of response actions, and what this one promises beyond it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from mantissa_core.errors import NeedsOperator
from mantissa_core.model import Action
from mantissa_core.testing.response_action import ResponseActionContract

from fake_acme import TOKEN, USER, FakeAcme
from mantissa_acme.response_action import Gadget


def plugin(fake: FakeAcme, **changes: object) -> Gadget:
    settings = {"url": f"{fake.url}/v1", "token": TOKEN, "domains": ["example.com"], "timeout": 2}
    return Gadget(Gadget.Config.model_validate({**settings, **changes}))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAcme]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeAcme() as server:
        yield server


class TestGadget(ResponseActionContract):
    secrets = (TOKEN,)

    @pytest.fixture
    def target(self, fake: FakeAcme) -> FakeAcme:
        return fake

    def action(self, target: FakeAcme) -> Gadget:
        return plugin(target)

    def arguments(self, target: FakeAcme) -> Mapping[str, str]:
        return {"user": USER}

    def out_of_scope(self, target: FakeAcme) -> Mapping[str, str]:
        return {"user": "alice@elsewhere.example"}


@pytest.mark.parametrize(
    "user", ["", "alice", "../me@example.com", "alice@example.com/../bob", "a\n@example.com", "ALICE@EXAMPLE.COM"]
)
def test_who_is_out_of_scope_is_refused_and_nothing_is_sent(fake: FakeAcme, user: str) -> None:
    disable = plugin(fake, protected=[USER])
    with pytest.raises(NeedsOperator, match="out of scope"):
        disable.execute_action(Action("disable", {"user": user}, "run-1"))
    with pytest.raises(NeedsOperator, match="out of scope"):
        disable.undo_action(Action("disable", {"user": USER}, "run-1"), {"user": user})
    assert fake.requests == []


def test_a_repeated_key_can_still_be_undone(fake: FakeAcme) -> None:
    action = Action("disable", {"user": USER}, "run-1")
    first = plugin(fake).execute_action(action)
    assert plugin(fake).execute_action(action) == first
    assert first.undo == {"user": USER}


def test_a_user_who_is_not_known_needs_the_operator(fake: FakeAcme) -> None:
    with pytest.raises(NeedsOperator, match="no such user"):
        plugin(fake).execute_action(Action("disable", {"user": "carol@example.com"}, "run-1"))


def test_a_check_finds_a_wrong_token_and_changes_nothing(fake: FakeAcme) -> None:
    plugin(fake).check()
    with pytest.raises(NeedsOperator, match="check the credential"):
        plugin(fake, token="wrong").check()
    assert fake.effects() == 0
