"""Test events that are sent through everything, by ``[canary]`` and by ``mantissa sinks canary``."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .alert.canary import LOG_TYPE, Canary, record
from .alert.lifecycle import Step
from .alert.telling import PRODUCT

if TYPE_CHECKING:
    from .runtime import Runtime

PAUSE = 0.2
"""Seconds between two looks whether a test arrived."""


def send(runtime: Runtime) -> str:
    """Store a test event, and return its id; detection and delivery take it from there."""
    name, now = uuid.uuid4().hex[:16], datetime.now(UTC)
    sinks = runtime.settings.sinks.items()
    runtime.canaries.send(name, [label for label, each in sinks if each.enabled and each.canary], now)
    runtime.ingest(LOG_TYPE, [record(name, now)], source="mantissa")
    return name


def send_when_due(runtime: Runtime) -> bool:
    """Send a test event where the last one is as long ago as ``[canary]`` says."""
    every, last = runtime.settings.canary.every, runtime.canaries.last_sent()
    due = every is not None and (last is None or abs((datetime.now(UTC) - last).total_seconds()) >= every)
    if due:
        send(runtime)
    return due


def look(runtime: Runtime) -> None:
    """Settle the tests that arrived everywhere, and tell of those that did not in time."""
    within = timedelta(seconds=runtime.settings.canary.within)
    for canary in list(runtime.canaries.under_way()):
        if not canary.missing or abs(datetime.now(UTC) - canary.sent) > within:
            _settle(runtime, canary, within)


def run(runtime: Runtime, within: float) -> Canary:
    """Send a test event, and detect and deliver until its alert is everywhere or ``within`` seconds are over.

    Returns where it arrived after how many milliseconds; of where it did not, others are told.
    """
    name, end = send(runtime), time.monotonic() + within
    while (canary := runtime.canaries.get(name)).missing and time.monotonic() < end:
        runtime.detect(schedules=False)
        runtime.deliver()
        if runtime.canaries.get(name).missing:
            time.sleep(PAUSE)
    _settle(runtime, canary, timedelta(seconds=within))
    runtime.deliver()
    return canary


def _settle(runtime: Runtime, canary: Canary, within: timedelta) -> None:
    """Note what became of a test, tell others where it is missing, and resolve its alert."""
    now = datetime.now(UTC)
    runtime.announce([each.signal(now) for each in canary.troubles(within)])
    for label in canary.destinations:
        took = canary.arrived.get(label)
        told = "did not arrive" if took is None else f"arrived after {took:.0f} ms"
        runtime.sink_healths.tested(label, took is not None, now, told)
    if canary.alerted:
        runtime.lifecycle.change(canary.alert, Step.RESOLVE, by=PRODUCT, note="the test is over")
    runtime.canaries.settle(canary)
