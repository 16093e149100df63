"""The conformance kit of alert sinks, and what this one promises beyond it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mantissa_core.errors import NeedsOperator
from mantissa_core.testing.alert_sink import AlertSinkContract, delivery

from fake_acme import CHANNEL, LONGEST, TOKEN, FakeAcme
from mantissa_acme.alert_sink import Gadget


def sink(fake: FakeAcme, **changes: str) -> Gadget:
    settings = {"url": f"{fake.url}/v1", "channel": CHANNEL, "token": TOKEN, "timeout": 2}
    return Gadget(Gadget.Config.model_validate({**settings, **changes}))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAcme]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeAcme() as server:
        yield server


class TestGadget(AlertSinkContract):
    secrets = (TOKEN,)

    @pytest.fixture
    def destination(self, fake: FakeAcme) -> FakeAcme:
        return fake

    def sink(self, destination: FakeAcme) -> Gadget:
        return sink(destination)


def test_the_receipt_is_the_id_of_the_message(fake: FakeAcme) -> None:
    assert [sink(fake).deliver(delivery(key)).reference for key in ("a", "b", "a")] == [
        "message-0",
        "message-1",
        "message-0",
    ]


def test_a_message_says_what_happened_to_whom(fake: FakeAcme) -> None:
    sink(fake).deliver(delivery(summary="a new administrator", entities={"user": ("alice", "bob")}))
    [text] = fake.messages()
    assert text.startswith("HIGH opened: a new administrator\n")
    assert "\nuser: alice, bob\n" in text


def test_markup_from_a_log_is_shown_and_not_obeyed(fake: FakeAcme) -> None:
    sink(fake).deliver(delivery(summary="<!channel> <https://evil.example|click> & more\nsecond line"))
    [text] = fake.messages()
    assert "&lt;!channel&gt; &lt;https://evil.example|click&gt; &amp; more\\x0asecond line" in text


@pytest.mark.parametrize("character", ["x", "&", "李"])
def test_a_text_of_any_characters_is_cut_to_what_is_taken(fake: FakeAcme, character: str) -> None:
    sink(fake).deliver(delivery(summary=character * 2 * LONGEST))
    [text] = fake.messages()
    assert LONGEST - 5 < len(text) <= LONGEST
    assert text.endswith("…")


def test_a_check_tells_nobody_and_finds_what_is_wrong(fake: FakeAcme) -> None:
    sink(fake).check()
    with pytest.raises(NeedsOperator, match="check the credential"):
        sink(fake, token="wrong").check()
    with pytest.raises(NeedsOperator, match="no such channel"):
        sink(fake, channel="C/43").check()
    assert fake.messages() == []
