"""Trying a sink out before it is configured: what its settings may be, and whether a message arrives."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mantissa_core import catalog
from mantissa_core.errors import MantissaError
from mantissa_core.hookspecs import AlertSink
from mantissa_core.model import Alert, Choice, Delivery, Secret, Severity
from mantissa_core.stored_secret import Keeper

from .draft import Draft, draft

if TYPE_CHECKING:
    from mantissa_core.host import Host
    from mantissa_core.runtime import Runtime

TEST = "Test message from Mantissa Log"


@dataclass(frozen=True, slots=True)
class Validation:
    """Whether a sink works. Of a test message ``details`` holds the ``response`` and the ``latency_ms``."""

    success: bool
    message: str
    details: Mapping[str, Any]


def choices(runtime: Runtime, sink_type: str, answers: Mapping[str, Any], setting: str) -> Sequence[Choice]:
    """What ``setting`` may be at the destination, given the answers so far; empty where the sink cannot look it up.

    Raises:
        Retry, NeedsOperator, PluginError: from the sink; no secret of the answers is repeated.
    """
    candidate = draft(sink_type, "candidate", answers)
    if not hasattr(catalog.load(AlertSink.group, sink_type), "choices"):
        return ()
    with _started(runtime, candidate, unfinished=True) as host:
        return host.get(AlertSink, candidate.label).choices(setting)


def validate(
    runtime: Runtime, sink_type: str, answers: Mapping[str, Any], *, label: str = "candidate", send_test: bool = True
) -> Validation:
    """Start the sink with these answers, let it check itself, and send a test message. Nothing is saved.

    The instance's policies see the call, each step has its deadline, and no secret of the answers is repeated.

    Raises:
        PluginError: no such sink is installed.
        ConfigError: the label cannot be one.
    """
    return validate_draft(runtime, draft(sink_type, label, answers), send_test=send_test)


def validate_draft(runtime: Runtime, candidate: Draft, *, check: bool = True, send_test: bool = True) -> Validation:
    """As :func:`validate`. Without ``check`` the settings are looked at alone, and nobody is asked."""
    try:
        with _started(runtime, candidate) as host:
            if not check:
                return Validation(True, "the settings are right", {})
            host.check(AlertSink, candidate.label)
            if not send_test:
                return Validation(True, "the settings are right; no message was sent", {})
            found = send(host.get(AlertSink, candidate.label), candidate.plugin, candidate.label)
            return replace(found, message=candidate.hide(found.message), details=_hidden(found.details, candidate))
    except MantissaError as error:
        return Validation(False, candidate.hide(_reason(error)), {})


def send(sink: AlertSink, sink_type: str, label: str) -> Validation:
    """Send a test alert, and end it where it would stay open."""
    alert = _test_alert()
    started = time.perf_counter()

    def latency() -> dict[str, Any]:
        return {"latency_ms": round((time.perf_counter() - started) * 1000, 1)}

    try:
        receipt = sink.deliver(Delivery(f"{alert.id}-1-{label}", "opened", alert, destination=label))
    except MantissaError as error:
        return Validation(False, _reason(error), latency())
    details = {"response": {"reference": receipt.reference, **receipt.detail}, **latency()}
    if getattr(catalog.load(AlertSink.group, sink_type), "one_for_each_alert", False):
        over = replace(alert, status="resolved", revision=2, changed=alert.created, changed_by="Mantissa Log")
        try:
            sink.deliver(Delivery(f"{alert.id}-2-{label}", "resolved", over, 1, receipt.reference, label))
        except MantissaError as error:
            what = f"the test message arrived, but stays open: end {receipt.reference} there"
            return Validation(False, f"{what}. {_reason(error)}", details)
    return Validation(True, "the test message arrived", details)


@contextmanager
def _started(runtime: Runtime, candidate: Draft, *, unfinished: bool = False) -> Iterator[Host]:
    """A host with the candidate alone: the instance's own sinks do not meet it.

    Raises:
        PluginError: it does not start.
    """
    host = runtime.trial_host(_Answered(candidate.secrets, runtime.secrets))
    try:
        key = f"sinks.{candidate.label}"
        if not host.start(AlertSink, candidate.plugin, candidate.label, candidate.settings, key, unfinished=unfinished):
            raise next(iter(host.quarantine.values()))
        yield host
    finally:
        host.close()


class _Answered:
    """The secret store, with those of the answers in front of it. It writes nothing."""

    def __init__(self, values: Mapping[str, str], stored: Keeper) -> None:
        self._values, self._stored = values, stored

    def get_secret(self, name: str) -> Secret | None:
        """The answer, or what is stored."""
        return Secret(self._values[name], 0) if name in self._values else self._stored.get_secret(name)

    def put_secret(self, name: str, value: str, expected_version: int | None) -> int:
        """A credential of the instance that the vendor replaced must be kept; one of the answers is not stored yet."""
        return 0 if name in self._values else self._stored.put_secret(name, value, expected_version)


def _test_alert() -> Alert:
    now = datetime.now(UTC)
    return Alert(
        uuid.uuid4().hex,
        "mantissa-test",
        "Test message",
        Severity.INFORMATIONAL,
        TEST,
        "Somebody is setting this destination up, or trying it. Nothing happened and nobody needs to act.",
        "open",
        1,
        now,
        now,
        now,
    )


def _reason(error: MantissaError) -> str:
    return str(getattr(error, "reason", error))


def _hidden(details: Mapping[str, Any], candidate: Draft) -> dict[str, Any]:
    return {name: _without(value, candidate) for name, value in details.items()}


def _without(value: Any, candidate: Draft) -> Any:
    if isinstance(value, Mapping):
        return _hidden(value, candidate)
    return candidate.hide(value) if isinstance(value, str) else value
