from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from mantissa_core import Runtime
from mantissa_core.hookspecs import Module
from mantissa_core.model import Severity

from mantissa_acme.module import Gadget

NOW = datetime.now(UTC).replace(microsecond=0)
SETTINGS = {"plugin": "acme.gadget", "accounts": ["root", "break-glass"]}


@pytest.fixture
def siem(mantissa: Callable[..., Runtime]) -> Runtime:
    """An instance that has the module."""
    return mantissa(modules={"watch": SETTINGS})


def module(siem: Runtime) -> Any:
    return siem.plugin(Module, "watch")


def rows(*events: tuple[str, str | None]) -> pa.Table:
    ids, users = [event[0] for event in events], [event[1] for event in events]
    times = pa.array([NOW for _ in events], pa.timestamp("us", "UTC"))
    return pa.table({"m_id": ids, "m_time": times, "m_user": pa.array(users, pa.string())})


def test_every_use_of_a_watched_account_is_a_signal() -> None:
    (detector,) = Gadget(Gadget.Config(accounts=("root",))).detectors()
    signals = detector.run("generic_json", rows(("a", "root"), ("b", "ada"), ("c", None), ("d", "root")))
    assert [signal.event_ids for signal in signals] == [("a",), ("d",)]
    assert {(signal.severity, signal.table, signal.time) for signal in signals} == {
        (Severity.HIGH, "generic_json", NOW)
    }


def test_a_batch_that_comes_again_gives_the_same_signals() -> None:
    (detector,) = Gadget(Gadget.Config(accounts=("root",))).detectors()
    first = detector.run("generic_json", rows(("a", "root"), ("b", "root")))
    again = detector.run("generic_json", rows(("b", "root")))
    assert again[0].id == first[1].id != first[0].id


def test_an_empty_batch_gives_none() -> None:
    (detector,) = Gadget(Gadget.Config(accounts=("root",))).detectors()
    assert detector.run("generic_json", rows()) == []


def test_the_job_remembers_and_the_command_shows_the_last_use(siem: Runtime, capsys: Any) -> None:
    (job,) = module(siem).jobs()
    (command,) = module(siem).commands()
    job.run(siem)  # before the table exists
    siem.ingest("generic.json", [{"timestamp": NOW.isoformat(), "user": "root"}, {"user": "ada"}])
    job.run(siem)
    job.run(siem)
    assert command.run(siem, []) == 0
    used, unused = capsys.readouterr().out.splitlines()
    assert used.split() == ["root", NOW.isoformat()]
    assert unused.split() == ["break-glass", "never", "seen"]


def test_an_unknown_word_is_refused(siem: Runtime, capsys: Any) -> None:
    (command,) = module(siem).commands()
    assert command.run(siem, ["--all"]) == 2
    assert "--all" in capsys.readouterr().out


def test_a_whole_instance_alerts_once_for_a_use(siem: Runtime) -> None:
    siem.ingest("generic.json", [{"timestamp": NOW.isoformat(), "user": "root"}, {"user": "ada"}])
    (alert,) = siem.detect().opened
    assert (alert.rule_name, alert.severity) == ("A watched account was used", Severity.HIGH)
    assert siem.detect().opened == []
