"""A rule's own window of alerts (``mantissa.alert_window``), for rules of every kind."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mantissa_core import Runtime
from mantissa_core.detect.rules.cache import RuleCache
from mantissa_core.detect.rules.rule import parse_rule
from mantissa_core.errors import RuleError
from mantissa_core.model import Severity, Signal

RULE = """
title: A door was forced
id: 3f6f2d53-9a57-4e0e-9d52-6b0f3a1f7b52
level: high
logsource: {product: aws, service: cloudtrail}
detection: {selection: {eventName: ConsoleLogin}, condition: selection}
mantissa: {alert_window: 30m}
---
title: Doors were forced
id: 3f6f2d53-9a57-4e0e-9d52-6b0f3a1f7b53
level: high
correlation:
  type: event_count
  rules: [3f6f2d53-9a57-4e0e-9d52-6b0f3a1f7b52]
  timespan: 1h
  condition: {gte: 2}
mantissa: {alert_window: 2h}
"""
SQL = """
title: Many rows
id: 3f6f2d53-9a57-4e0e-9d52-6b0f3a1f7b54
level: low
query: SELECT m_id FROM aws_cloudtrail WHERE m_time >= $window_start AND m_time < $window_end
schedule_expression: rate(1 hour)
mantissa: {alert_window: 1h}
"""
FIRST, SECOND, THIRD = (f"3f6f2d53-9a57-4e0e-9d52-6b0f3a1f7b5{digit}" for digit in "234")
START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def parsed(window: object):
    return parse_rule(
        {
            "title": "A door was forced",
            "id": FIRST,
            "logsource": {"product": "aws"},
            "detection": {"selection": {"eventName": "ConsoleLogin"}, "condition": "selection"},
            "mantissa": {"alert_window": window},
        }
    )


@pytest.mark.parametrize(
    ("window", "said"),
    [("0m", "expected a number"), ("soon", "expected a number"), ("25h", "at most 24h"), ("-5m", "expected a number")],
)
def test_a_window_that_is_none_is_refused_by_name(window: str, said: str) -> None:
    with pytest.raises(RuleError, match=rf"mantissa\.alert_window: .*{said}"):
        parsed(window)


def test_without_one_the_rule_has_none() -> None:
    assert parsed("").alert_window is None
    assert parsed("24h").alert_window == timedelta(hours=24)


def test_the_cache_of_compiled_rules_keeps_it(tmp_path: Path) -> None:
    file, text = tmp_path / "cache", "the file's text"
    kept = RuleCache(file)
    kept.keep(text, [parsed("45m")])
    kept.save()
    [found] = RuleCache(file).get(text, "rule.yml") or []
    assert found.alert_window == timedelta(minutes=45)


def test_alerts_honour_it_for_rules_correlations_and_sql(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "doors.yml").write_text(RULE)
    (tmp_path / "rules" / "rows.sql.yml").write_text(SQL)
    settings = {"home": str(tmp_path), "rules": {"packs": False, "paths": ["rules"]}}
    with Runtime.open(settings) as siem:
        assert not siem.rules.broken
        counted = {}
        for rule, minutes in {FIRST: 30, SECOND: 120, THIRD: 60, "unknown": 5}.items():
            moments = (0, minutes, 2 * minutes + 1)  # the second is in time, the third is not
            siem.announce([_signal(rule, START + timedelta(minutes=each)) for each in moments])
            counted[rule] = sorted(alert.count for alert in siem.alerts.list(rule=rule))
    assert counted == {rule: [1, 2] for rule in (FIRST, SECOND, THIRD, "unknown")}


def _signal(rule: str, moment: datetime) -> Signal:
    return Signal(
        f"{rule}-{moment:%H%M}", rule, "r", Severity.HIGH, "s", moment, "t", (f"{moment:%H%M}",), group={"door": "a"}
    )
