"""How matches become alerts in a backtest, and what a difference of two rule sets is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from mantissa_core.detect.rules.rule import Rule, parse_rule
from mantissa_core.detect.workflow.backtest import backtest, differences, episodes
from mantissa_core.model import Severity, Signal

START = datetime(2026, 11, 20, 23, 58, tzinfo=UTC)
WINDOW = timedelta(minutes=5)


def rule(rule_id: str, text: str = "") -> Rule:
    return parse_rule(
        {
            "title": rule_id,
            "id": rule_id,
            "logsource": {"product": "acme"},
            "detection": {"selection": {"name": "x"}, "condition": "selection"},
        },
        text,
    )


def signal(rule_id: str, minutes: float, user: str = "ada", event: str = "") -> Signal:
    event_id = event or f"{user}{minutes}"
    return Signal(
        id=f"{rule_id}{event_id}",
        rule_id=rule_id,
        rule_name=rule_id,
        severity=Severity.HIGH,
        summary=f"{rule_id}: {user}",
        time=START + timedelta(minutes=minutes),
        table="acme_audit",
        event_ids=(event_id,),
        tags=(),
        group={"user": user},
        entities={"user": user, "src_ip": "192.0.2.1"},
        evidence={},
    )


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([], 0),
        ([0], 1),
        ([0, 5, 10, 15], 1),
        ([0, 5.1], 2),
        ([5.1, 0], 2),
        (range(0, 60 * 30, 4), 2),
    ],
)
def test_matches_within_the_window_are_one_alert_for_a_day_at_most(minutes: list[float], expected: int) -> None:
    assert episodes((START + timedelta(minutes=each) for each in minutes), WINDOW) == expected


def test_matches_are_counted_by_day_group_user_and_address() -> None:
    signals = [signal("a", 0), signal("a", 1), signal("a", 3), signal("a", 3, "eve"), signal("b", 0)]
    first, second, third = backtest([rule("c"), rule("b"), rule("a")], signals, WINDOW)
    assert (first.rule.id, first.matches, first.alerts) == ("a", 4, 2)
    assert first.days == {date(2026, 11, 20): 2, date(2026, 11, 21): 2}
    assert first.users == [("ada", 3), ("eve", 1)]
    assert first.addresses == [("192.0.2.1", 4)]
    assert [(each.rule.id, each.matches, each.alerts) for each in (second, third)] == [("b", 1, 1), ("c", 0, 0)]


def test_silent_and_suppressed_matches_open_no_alert() -> None:
    signals = [replace(signal("a", 0), silent=True), replace(signal("a", 60), suppressed_by="filter")]
    (found,) = backtest([rule("a")], signals, WINDOW)
    assert (found.matches, found.alerts) == (2, 0)


def test_a_difference_names_what_appears_and_disappears() -> None:
    old = [rule("same"), rule("changed", "1"), rule("gone")]
    new = [rule("same"), rule("changed", "2"), rule("fresh")]
    before = [signal("same", 0), signal("changed", 0, event="e1"), signal("changed", 1, event="e2"), signal("gone", 0)]
    after = [signal("same", 0), signal("changed", 1, event="e2"), signal("changed", 2, event="e3"), signal("fresh", 0)]
    found = {each.id: each for each in differences(old, before, new, after)}
    assert {
        name: (each.change, each.before, each.after, each.appear, each.disappear) for name, each in found.items()
    } == {
        "same": ("same", 1, 1, 0, 0),
        "changed": ("changed", 2, 2, 1, 1),
        "gone": ("removed", 1, 0, 0, 1),
        "fresh": ("added", 0, 1, 1, 0),
    }
    assert (found["changed"].appearing, found["changed"].disappearing) == (("e3",), ("e1",))
    assert [each.id for each in found.values() if not each.differs] == ["same"]
