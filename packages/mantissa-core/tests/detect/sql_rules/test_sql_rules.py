"""SQL rules in rule files: what is accepted, what is refused and where, and the tests beside them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from textwrap import indent

import pytest
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.sql_rules.trial import run_sql_tests
from mantissa_core.detect.workflow.coverage import coverage
from mantissa_core.detect.workflow.lint import lint
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType

RULE = """title: Many bad things
id: 44444444-4444-4444-8444-444444444444
query: |
  SELECT m_id, m_user FROM acme_audit
  WHERE m_time >= $window_start AND m_time < $window_end AND name = 'bad'
threshold: {type: count, value: 1}
schedule_expression: rate(5 minutes)
window: 1h
level: high
tags: [attack.t1110]
"""

ORIGINAL = """
name: Failed Console Logins
description: Detect failed console login attempts
query: SELECT * FROM acme_audit WHERE name = 'bad'
severity: high
threshold: {type: count, value: 5}
schedule_expression: rate(5 minutes)
enabled: true
"""

Load = Callable[..., RuleSet]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write(text: str, tests: str = "") -> RuleSet:
        (tmp_path / "rule.yml").write_text(text)
        if tests:
            (tmp_path / "rule.tests.yml").write_text(tests)
        return RuleSet.load(packs=False, paths=[tmp_path])

    return write


def test_an_sql_rule_loads_beside_others(load: Load) -> None:
    rules = load(RULE)
    (rule,) = rules.queries
    assert rules.broken == {}
    assert rules.get(rule.id) is rule
    assert rules.all == [rule]
    assert (rule.tables, rule.parameters, rule.threshold) == (("acme_audit",), ("window_end", "window_start"), 1)
    assert rule.timing is not None
    assert rule.timing.window == timedelta(hours=1)
    assert rules.without([rule.id]).queries == []


def test_the_originals_rules_load_as_they_are_with_a_warning(load: Load) -> None:
    (rule,) = load(ORIGINAL).queries
    assert (rule.title, str(rule.severity), rule.threshold, rule.enabled) == ("Failed Console Logins", "high", 5, True)
    assert [each.partition(":")[0] for each in rule.warnings] == ["query", "id"]


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ("SELECT m_id", "DELETE m_id", "line 3: query: Parser Error"),
        ("SELECT m_id", "EXPLAIN SELECT m_id", "line 3: query: EXPLAIN"),
        ("acme_audit\n", "read_csv('/etc/passwd')\n", "line 3: query: the table function read_csv"),
        ("'bad'", "getenv('HOME')", "line 3: query: the function getenv"),
        ("'bad'", "'bad'; DROP TABLE acme_audit", "line 3: query: one statement"),
        ("$window_end", "$later", r"line 3: query: the parameter \$later"),
        ("$window_end", "?", "line 3: query: "),
        ("threshold", "treshold", "line 6: treshold: unknown, did you mean threshold"),
        ("value: 1", "value: 10000", "line 6: threshold.value: found 10000"),
        ("value: 1", "value: yes", "line 6: threshold.value: found True"),
        ("type: count", "type: sum", "line 6: threshold.type: found 'sum'"),
        ("{type: count, value: 1}", "5", "line 6: threshold: expected a mapping"),
        ("rate(5 minutes)", "every minute", "line 7: schedule_expression: found 'every minute'"),
        ("1h", "an hour", "line 8: window: found 'an hour'"),
        ("high", "urgent", "line 9: level: found 'urgent'"),
        ("level: high", "level: high\nseverity: low", "line 10: severity: found 'low', and level says 'high'"),
        ("level: high", "enabled: 1", "line 9: enabled: found 1"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(load: Load, before: str, after: str, error: str) -> None:
    rules = load(RULE.replace(before, after))
    assert rules.queries == []
    (reason,) = rules.broken.values()
    with pytest.raises(RuleError, match=f"rule.yml: {error}"):
        raise reason


def test_an_id_is_refused_that_a_sigma_rule_has_too(load: Load) -> None:
    twin = "title: T\nlogsource: {product: acme}\ndetection: {s: {a: b}, condition: s}\n"
    rules = load(f"{RULE}---\nid: 44444444-4444-4444-8444-444444444444\n{twin}")
    assert rules.all == []
    assert len(rules.broken) == 2


def event(number: int, minute: int, name: str = "bad") -> str:
    return f'{{name: {name}, number: {number}, when: "2026-11-20T10:{minute:02}:00Z", user: {{name: bob}}}}'


def test_the_tests_beside_a_rule_run_on_the_engine(load: Load, log_type: LogType) -> None:
    case = "- {{name: {}, match: {}, {}events: {{acme.audit: [{}]}}}}"
    two = ", ".join([event(1, 5), event(2, 6)])
    cases = [
        case.format("two", "true", "", two),
        case.format("one", "false", "", event(1, 5)),
        case.format("too old", "false", "at: 2026-11-20T11:06:00Z, ", two),
        case.format("wrong", "true", "", event(1, 5)),
        case.format("unknown", "true", "", "{name: bad}").replace("acme.audit", "acme.other"),
    ]
    rules = load(RULE, "tests:\n" + indent("\n".join(cases), "  "))
    verdicts = list(run_sql_tests(rules.queries, [log_type]))
    assert [(each.test, each.passed) for each in verdicts] == [
        ("two", True),
        ("one", True),
        ("too old", True),
        ("wrong", False),
        ("unknown", False),
    ]
    assert verdicts[3].rows == 1
    assert "no log type 'acme.other'" in verdicts[4].problem


@pytest.mark.parametrize(
    "tests", ["tests: [{name: a, match: true}]", "tests: [{name: a, match: 1, events: {a: [{}]}}]"]
)
def test_a_broken_test_file_is_named(load: Load, log_type: LogType, tests: str) -> None:
    rules = load(RULE, tests)
    with pytest.raises(RuleError, match=r"rule\.tests\.yml: "):
        list(run_sql_tests(rules.queries, [log_type]))
    assert "broken-tests" in {each.check for each in lint(rules, [log_type])}


def test_lint_knows_the_tables_that_there_are(load: Load, log_type: LogType) -> None:
    rules = load(RULE.replace("acme_audit", "acme_audt"))
    (problem,) = [each for each in lint(rules, [log_type]) if each.check == "no-table"]
    assert (problem.line, problem.level) == (3, "error")
    assert "no-tests" in {each.check for each in lint(rules, [log_type])}
    assert "no-table" not in {each.check for each in lint(load(RULE), [log_type])}


@pytest.mark.parametrize(("window", "told"), [("window: 1h", False), ("window: 5m", True), ("", True)])
def test_lint_tells_of_windows_that_do_not_overlap(load: Load, log_type: LogType, window: str, told: bool) -> None:
    checks = {each.check for each in lint(load(RULE.replace("window: 1h", window)), [log_type])}
    assert ("no-overlap" in checks) is told


def test_coverage_counts_them_by_the_tables_that_they_read(load: Load, log_type: LogType) -> None:
    rules = load(RULE)
    (technique,) = coverage(rules, [log_type], []).techniques
    assert list(technique.rules) == [log_type.name]
    assert coverage(rules, [log_type], [], [rules.queries[0].id]).techniques == []
