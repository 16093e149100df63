# ruff: noqa: D102  # a test's name is the promise that it checks
"""Conformance kit for alert sinks: subclass :class:`AlertSinkContract` in a test module.

The author supplies a fake of the destination, and how to build the sink against it::

    class TestChat(AlertSinkContract):
        secrets = ("s3cret",)

        @pytest.fixture
        def destination(self):
            with FakeChat() as fake:
                yield fake

        def sink(self, destination):
            return Chat(Chat.Config(url=destination.url, token="s3cret", timeout=2))

What the fake cannot do (:attr:`Destination.faults`) is skipped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol

import pytest

from mantissa_core.errors import MantissaError, NeedsOperator, Retry
from mantissa_core.hookspecs import PROJECT
from mantissa_core.model import Alert, Delivery, Receipt, Severity
from mantissa_core.vendor_api.budget import forget_shared

from .fake_http import RETRY_AFTER, Fault

__all__ = ["AlertSinkContract", "Destination", "Fault", "delivery"]

SUMMARY = "alice gave herself administrator rights"
_SEEN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_LONG = 200_000


class Destination(Protocol):
    """The fake of what the sink writes to. It drops a repeated key where the real one does."""

    faults: frozenset[Fault]
    """What it can be told to do."""

    def messages(self) -> Sequence[str]:
        """What people see there: each accepted message, raw."""

    def inject(self, fault: Fault) -> None:
        """Misbehave until :meth:`heal`."""

    def heal(self) -> None:
        """Behave again."""


def delivery(key: str = "kit-1", **changes: Any) -> Delivery:
    """A delivery of an alert like those that the runtime makes; ``changes`` are fields of the alert."""
    values: dict[str, Any] = {
        "id": "0123456789abcdef0123456789abcdef",
        "rule_id": "acme-rule",
        "rule_name": "Self-service administrator",
        "severity": Severity.HIGH,
        "summary": SUMMARY,
        "description": "Somebody attached an administrator policy to the own user.",
        "status": "open",
        "count": 2,
        "first_seen": _SEEN,
        "last_seen": _SEEN,
        "created": _SEEN,
        "table": "aws_cloudtrail",
        "tags": ("attack.t1098",),
        "entities": {"user": ("alice",), "src_ip": ("198.51.100.7",)},
        "event_ids": ("00112233445566778899aabbccddeeff",),
        "evidence": ({"eventName": "AttachUserPolicy", "userName": "alice"},),
    }
    return Delivery(key, "opened", Alert(**{**values, **changes}))


class AlertSinkContract:
    """What every alert sink must do. Override :meth:`destination` and :meth:`sink`."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """The credentials that :meth:`sink` configures."""
    survives_restarts: ClassVar[bool] = True
    """Whether a repeated key is dropped by another process too. Where it is not, the docs must say so."""

    one_for_each_alert: ClassVar[bool] = False
    """Whether the destination has one thing for each alert, which its messages change: an incident, a ticket."""

    @pytest.fixture
    def destination(self) -> Iterator[Destination]:
        """Yield a fresh fake."""
        raise NotImplementedError("override the fixture 'destination'")

    def sink(self, destination: Any) -> Any:
        """Build the plugin, so that it delivers there. Called anew for each process that a test pretends."""
        raise NotImplementedError("override 'sink'")

    def test_the_hook_is_marked_with_hookimpl(self, destination: Any) -> None:
        for hook in ("deliver", "choices"):
            implemented = getattr(self.sink(destination), hook, None)
            assert implemented is None or hasattr(implemented, f"{PROJECT}_impl"), f"decorate '{hook}' with @hookimpl"

    def test_the_class_says_whether_alerts_stay_open_there(self, destination: Any) -> None:
        said = getattr(type(self.sink(destination)), "one_for_each_alert", False)
        assert said == self.one_for_each_alert, "set 'one_for_each_alert' in the sink's class as in this one"

    def test_a_delivery_arrives_and_returns_a_receipt(self, destination: Any) -> None:
        receipt = self.sink(destination).deliver(delivery())
        assert isinstance(receipt, Receipt)
        assert receipt.reference, "a receipt names the message at the destination, or at least repeats the key"
        [message] = destination.messages()
        assert SUMMARY in _flat(message)

    def test_each_key_is_a_message_of_its_own(self, destination: Any) -> None:
        sink = self.sink(destination)
        for number in (1, 2, 10):
            sink.deliver(delivery(f"kit-{number}", **({"id": f"{number:032x}"} if self.one_for_each_alert else {})))
        assert len(destination.messages()) == 3

    def test_a_repeated_key_is_seen_once(self, destination: Any) -> None:
        sink = self.sink(destination)
        first = sink.deliver(delivery())
        second = sink.deliver(Delivery("kit-1", "opened", delivery().alert, attempt=2))
        assert len(destination.messages()) == 1
        assert (first.reference, bool(second.reference)) == (first.reference, True)

    def test_a_repeated_key_is_seen_once_across_a_restart(self, destination: Any) -> None:
        if not self.survives_restarts:
            pytest.skip("this sink documents that a restart may repeat a message")
        self.sink(destination).deliver(delivery())
        self.sink(destination).deliver(Delivery("kit-1", "opened", delivery().alert, attempt=2))
        assert len(destination.messages()) == 1

    @pytest.mark.parametrize("fault", [Fault.BUSY, Fault.SERVER_ERROR, Fault.TIMEOUT])
    def test_a_passing_failure_is_a_retry_and_the_retry_arrives_once(self, destination: Any, fault: Fault) -> None:
        sink = self.sink(destination)
        error = self._failure(destination, fault, lambda: sink.deliver(delivery()))
        assert isinstance(error, Retry), f"{fault.name} must raise Retry, not {error!r}"
        if fault is Fault.BUSY:
            assert error.after == pytest.approx(RETRY_AFTER, abs=2), "pass Retry-After on in seconds"
            forget_shared()  # the seconds have passed, or it is another process
            sink = self.sink(destination)
        destination.heal()
        sink.deliver(Delivery("kit-1", "opened", delivery().alert, attempt=2))
        assert len(destination.messages()) == 1

    @pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.REJECTED, Fault.REDIRECT])
    def test_a_refusal_needs_the_operator(self, destination: Any, fault: Fault) -> None:
        sink = self.sink(destination)
        error = self._failure(destination, fault, lambda: sink.deliver(delivery()))
        assert isinstance(error, NeedsOperator), f"{fault.name} must raise NeedsOperator, not {error!r}"
        assert destination.messages() == [] or not list(destination.messages())

    def test_every_script_and_emoji_arrives(self, destination: Any) -> None:
        text = "Zoë Ægir 李 Пётр عمر 🔥"
        self.sink(destination).deliver(delivery(summary=text))
        [message] = destination.messages()
        assert text in _flat(_unescaped(message))

    def test_text_that_is_too_long_is_cut_with_a_mark_and_never_dropped(self, destination: Any) -> None:
        begin = "the beginning matters"
        self.sink(destination).deliver(delivery(summary=f"{begin} {'x' * _LONG}", evidence=({"big": "y" * _LONG},)))
        [message] = destination.messages()
        flat = _flat(_unescaped(message))
        assert begin in flat
        complete = "x" * _LONG in flat.replace(" ", "")
        assert complete or "…" in flat or "..." in flat, "whoever cuts leaves a mark"

    def test_control_characters_do_not_reach_a_reader(self, destination: Any) -> None:
        nasty = "before \x1b[2J\x1b]0;title\x07 \x9b31m \r\x08\u202e after"
        self.sink(destination).deliver(
            delivery(summary=nasty, entities={"user": (nasty,)}, evidence=({nasty: nasty},), tags=(nasty,))
        )
        [message] = destination.messages()
        seen = {character for character in message if character in "\x1b\x07\x9b\x08\r\u202e"}
        assert not seen, f"log contents can carry terminal sequences; escape or remove {sorted(seen)!r}"
        assert "before" in message
        assert "after" in message

    def test_an_alert_with_little_in_it_arrives(self, destination: Any) -> None:
        bare = delivery(description="", table="", tags=(), entities={}, event_ids=(), evidence=(), count=1)
        assert self.sink(destination).deliver(bare).reference
        assert len(destination.messages()) == 1

    def test_secrets_stay_out_of_sight(self, destination: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        sink = self.sink(destination)
        shown = [repr(sink), repr(vars(sink)), repr(sink.deliver(delivery()))]
        for fault in sorted(destination.faults & set(_REFUSALS), key=lambda each: each.name):
            shown.append(repr(self._failure(destination, fault, lambda: sink.deliver(delivery("kit-2")))))
            destination.heal()
        text = "\n".join([*shown, caplog.text])
        assert not [secret for secret in self.secrets if secret in text], "a secret is in an error, a log or a repr"

    def _failure(self, destination: Any, fault: Fault, act: Callable[[], object]) -> MantissaError:
        if fault not in destination.faults:
            pytest.skip(f"the fake destination cannot produce {fault.name}")
        destination.inject(fault)
        with pytest.raises(MantissaError) as caught:
            act()
        return caught.value


_REFUSALS = (Fault.BUSY, Fault.SERVER_ERROR, Fault.REFUSED, Fault.REJECTED)


def _flat(text: str) -> str:
    """On one line: a destination may wrap."""
    return " ".join(text.split())


def _unescaped(text: str) -> str:
    r"""With JSON's ``\uXXXX`` resolved, where the message is JSON text."""
    import json

    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text
