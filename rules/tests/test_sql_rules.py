"""The pack's SQL rules: complete, tested, and switched off until somebody wants them."""

import pytest
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.sql_rules.trial import run_sql_tests, sql_tests_of
from mantissa_core.detect.workflow.lint import Level, lint
from mantissa_core.parse.log_types import LogTypes

for source in ("mantissa_aws", "mantissa_okta"):
    pytest.importorskip(source, reason="the queries run over tables of log types that other packages bring")


@pytest.fixture(scope="module")
def rules():
    loaded = RuleSet.load()
    return RuleSet(queries=[rule for rule in loaded.queries if "mantissa_rules" in rule.source])


def test_every_rule_decides_its_own_events_as_they_say(rules):
    verdicts = list(run_sql_tests(rules.queries, LogTypes.load()))
    assert [(each.rule.title, each.test, each.rows, each.problem) for each in verdicts if not each.passed] == []
    assert {each.rule.id for each in verdicts} == {rule.id for rule in rules.queries}
    assert all(len({test.match for test in sql_tests_of(rule)}) == 2 for rule in rules.queries)


def test_every_rule_is_complete_and_waits_to_be_enabled(rules):
    assert [each for each in lint(rules, list(LogTypes.load())) if each.level is not Level.HINT] == []
    assert [rule.title for rule in rules.queries if rule.enabled or rule.timing is None or rule.warnings] == []
