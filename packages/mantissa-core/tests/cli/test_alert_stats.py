"""What became of signals, on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .conftest import documents, event, write_lines
from .test_staging import FILTER

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
"""Of yesterday, so that no day ends while the test runs."""


def _at(seconds):
    return (NOON + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_figures_of_each_rule_and_day(home, mantissa_at):
    (home / "rules" / "watch.yml").write_text(FILTER)
    for number, actor in enumerate(["alder", "alder", "birch", "cedar"]):
        write_lines(home / "incoming" / "a.log", event(number, "open_vault", actor=actor) | {"at": _at(number)})
    for command in ("collect", "detect"):
        assert mantissa_at(command).exit_code == 0
    [found] = documents(mantissa_at("--json", "alerts", "stats", "--days", "3"))
    assert found == {
        "day": _at(0)[:10],
        "rule_id": "6a4a1b8e-2f3c-4a53-9d7e-0d9f6f0c1a11",
        "rule_name": "Vault opened",
        "signals": 3,
        "alerts": 2,
        "notified": 2,
        "repeats": 1,
        "filtered": 1,
        "muted": 0,
    }
    shown = mantissa_at("alerts", "stats", "--days", "3").output
    assert "Vault opened" in shown
    assert documents(mantissa_at("--json", "alerts", "stats", "--days", "1")) == []


def test_without_alerts_there_is_nothing_to_count(mantissa_at):
    assert mantissa_at("alerts", "stats", "--days", "1").output == "No alerts and nothing suppressed in 1 day.\n"
