"""``mantissa collect``: a round, what is covered, and filling gaps."""

from datetime import UTC, datetime, timedelta

import pytest
from mantissa_core import Runtime
from mantissa_core.errors import BadRecord
from mantissa_core.hookspecs import Collector, hookimpl
from mantissa_core.model import Page, Stream

from .conftest import documents, event, write_lines

NOW = datetime.now(UTC)


class Clockwork:
    """Has an event every ten minutes since long ago; cannot answer for the instant ``broken``."""

    broken: datetime | None = None

    class Config:
        pass

    @hookimpl
    def streams(self):
        return [Stream("ticks", "acme.audit", overlap=timedelta(minutes=5))]

    @hookimpl
    def read(self, stream, window, state):
        if self.broken is not None and window.start <= self.broken < window.end:
            raise BadRecord("garbage (request 4711)")
        at = window.start.replace(minute=window.start.minute // 10 * 10, second=0, microsecond=0)
        found = []
        while at < window.end:
            if at >= window.start:
                found.append({"key": at.isoformat(), "at": at.isoformat(), "verb": "tick"})
            at += timedelta(minutes=10)
        yield Page({}, found)


@pytest.fixture
def clockwork(home, monkeypatch):
    """The instance with a second source, which is made of this module's collector wherever it is opened."""
    (home / "mantissa.toml").write_text(
        (home / "mantissa.toml").read_text() + '[collectors.clock]\nplugin = "test.clock"\nsince_hours = 2\n'
    )
    collector, start = Clockwork(), Runtime._start

    def starting(runtime, kind):
        first = kind not in runtime._started
        start(runtime, kind)
        if kind is Collector and first:
            runtime.host.stop(Collector, "clock")
            runtime.host.add(Collector, "clock", collector)

    monkeypatch.setattr(Runtime, "_start", starting)
    return collector


def test_a_label_may_stand_where_a_subcommand_could(home, mantissa_at):
    write_lines(home / "incoming" / "a.log", event(1), event(2))
    (found,) = documents(mantissa_at("collect", "--json", "acme"))
    assert (found["label"], found["rows"]) == ("acme", 2)
    assert mantissa_at("collect").stdout.strip() == "Nothing new."
    assert mantissa_at("collect", "now", "acme").exit_code == 0


def test_coverage_shows_spans_and_figures(mantissa_at, clockwork):
    assert mantissa_at("collect", "clock").exit_code == 0
    assert mantissa_at("collect", "clock").exit_code == 0
    (ticks,) = documents(mantissa_at("collect", "coverage", "clock", "--json"))
    ((start, end),) = ticks["covered"]
    assert timedelta(hours=2) <= datetime.fromisoformat(end) - datetime.fromisoformat(start) <= timedelta(hours=3)
    assert (ticks["gaps"], ticks["failures"], ticks["last_error"]) == ([], 0, None)
    assert ticks["rows"] in (12, 13)
    printed = mantissa_at("collect", "coverage").stdout
    assert "clock" in printed
    assert "none" in printed


def test_gaps_are_shown_and_filled(mantissa_at, clockwork):
    clockwork.broken = NOW - timedelta(hours=1)
    assert mantissa_at("collect", "clock").exit_code == 0
    (ticks,) = documents(mantissa_at("collect", "coverage", "clock", "--json"))
    assert len(ticks["gaps"]) == 1
    assert ticks["gap_seconds"] <= 2
    printed = mantissa_at("collect", "coverage").stdout
    assert "1 gap." in printed
    assert "1 window could not be read" in printed
    clockwork.broken = None
    assert "stored" in mantissa_at("collect", "backfill", "clock").stdout
    assert documents(mantissa_at("collect", "coverage", "clock", "--json"))[0]["gaps"] == []
    assert mantissa_at("collect", "backfill", "clock").stdout.strip() == "No gaps there."


def test_a_backfill_reaches_back_before_collection_began(mantissa_at, clockwork):
    mantissa_at("collect", "clock")
    since = (NOW - timedelta(hours=26)).strftime("%Y-%m-%dT%H:%M:%S")
    filled = documents(mantissa_at("collect", "backfill", "clock", "--from", since, "--json"))
    assert abs(filled["rows"] - 24 * 6) <= 1
    assert filled["pages"] in (4, 5)
    again = documents(mantissa_at("collect", "backfill", "clock", "--from", since, "--again", "--json"))
    assert again["rows"] == 0
    assert again["duplicates"] > 24 * 6


def test_a_failing_source_is_named_with_its_reason(home, mantissa_at):
    (home / "incoming").rmdir()
    assert mantissa_at("collect").exit_code == 3
    printed = mantissa_at("collect", "coverage").stdout
    assert "failing since" in printed
    assert "does not exist" in printed


def test_what_cannot_be_meant_is_refused(mantissa_at, clockwork):
    assert mantissa_at("collect", "coverage", "nope").exit_code == 2
    assert mantissa_at("collect", "backfill", "clock", "--again").exit_code == 2
    words = ("collect", "backfill", "clock", "--from", "2026-03-02", "--to", "2026-03-01")
    assert "not later" in mantissa_at(*words).stderr
