from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mantissa_core import Runtime
from mantissa_core.errors import Retry
from mantissa_core.hookspecs import AlertSink, hookimpl
from mantissa_core.host import Host
from mantissa_core.model import Delivery, Receipt
from mantissa_core.testing.alert_sink import delivery

from mantissa_acme.policy import Gadget


class Sink:
    """A destination that takes everything."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        self.keys.append(delivery.key)
        return Receipt(delivery.key)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def host(clock: Clock) -> Iterator[Host]:
    """Two destinations behind a limit of one message a second, three at once."""
    host = Host()
    policy = Gadget(Gadget.Config(per_minute=60, burst=3))
    policy.clock = clock
    host.use(policy, "limit")
    for label in ("pager", "chat"):
        host.add(AlertSink, label, Sink())
    yield host
    host.close()


def send(host: Host, number: int, label: str = "pager") -> Receipt:
    message = replace(delivery(f"alert-{number}"), destination=label)
    return host.get(AlertSink, label).deliver(message)


def refused(host: Host, number: int) -> float | None:
    """Try, and give the seconds that the message has to wait."""
    with pytest.raises(Retry, match="held back") as raised:
        send(host, number)
    return raised.value.after


def test_a_burst_passes_and_each_message_beyond_it_is_told_its_turn(host: Host) -> None:
    for number in range(3):
        assert send(host, number).reference == f"alert-{number}"
    assert [refused(host, number) for number in (3, 4, 5)] == [1.0, 2.0, 3.0]


def test_a_message_passes_at_its_turn_whoever_came_meanwhile(host: Host, clock: Clock) -> None:
    for number in range(3):
        send(host, number)
    assert [refused(host, number) for number in (3, 4)] == [1.0, 2.0]
    clock.now += 1
    assert refused(host, 5) == 2.0
    assert refused(host, 4) == 1.0
    send(host, 3)
    clock.now += 1
    send(host, 4)


def test_silence_fills_the_bucket_but_never_beyond_the_burst(host: Host, clock: Clock) -> None:
    send(host, 0)
    clock.now += 3600
    for number in range(1, 4):
        send(host, number)
    assert refused(host, 4) == 1.0


def test_destinations_do_not_share_a_limit(host: Host) -> None:
    for number in range(3):
        send(host, number)
        send(host, number, "chat")
    refused(host, 3)


RULE = """
title: Knock {number}
id: 1c8a4c6e-6a35-4d0c-9c3e-0d2f6a7b8c0{number}
level: high
logsource: {{product: door}}
detection:
  selection: {{verb: knock}}
  condition: selection
"""
LOG_TYPE = """
name: door.events
title: Door
columns: [{path: verb}]
sigma: {logsources: [{product: door}]}
"""


def test_a_whole_instance_limits_each_of_its_sinks(tmp_path: Path, mantissa: Callable[..., Runtime]) -> None:
    (tmp_path / "door.yaml").write_text(LOG_TYPE)
    for number in (1, 2):
        (tmp_path / f"rule{number}.yml").write_text(RULE.format(number=number))
    files = {label: tmp_path / f"{label}.ndjson" for label in ("one", "two")}
    sinks: dict[str, Any] = {label: {"plugin": "core.file", "path": str(path)} for label, path in files.items()}
    siem = mantissa(
        rules={"packs": False, "paths": [str(path) for path in tmp_path.glob("*.yml")]},
        log_types={"paths": [str(tmp_path)]},
        policies=[{"plugin": "acme.gadget", "per_minute": 1, "burst": 1}],
        sinks=sinks,
    )
    siem.ingest("door.events", [{"verb": "knock"}])
    assert len(siem.detect().opened) == 2
    siem.deliver()
    assert {label: len(path.read_text().splitlines()) for label, path in files.items()} == {"one": 1, "two": 1}
    assert {message.attempt for message in siem.outbox.waiting()} == {1}
