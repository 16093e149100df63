"""Rules' own tests, and that they can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.testing.rule_tests import Verdict, run_tests
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType

RULE = """\
title: A rule
id: 8a6d3c3e-6c0e-4a53-9d7e-1f0c5f3f8f01
logsource: {product: acme, service: audit}
detection: {selection: {name: bad}, condition: selection}
"""
TESTS = """\
tests:
  - name: it matches
    match: true
    event: {name: bad, when: "2026-01-02T03:04:05Z"}
  - name: it does not
    match: false
    event: {name: good}
"""


def run(folder: Path, log_types: list[LogType], tests: str = TESTS, rule: str = RULE) -> list[Verdict]:
    (folder / "rule.yml").write_text(rule)
    (folder / "rule.tests.yml").write_text(tests)
    return list(run_tests(RuleSet.load(packs=False, paths=[folder]).rules, log_types))


def test_tests_run_through_evaluator_and_matcher(tmp_path: Path, log_type: LogType) -> None:
    verdicts = run(tmp_path, [log_type])
    assert [(each.test, each.expected, each.got, each.passed) for each in verdicts] == [
        ("it matches", True, True, True),
        ("it does not", False, False, True),
    ]
    assert {each.log_type for each in verdicts} == {"acme.audit"}


def test_a_wrong_rule_fails_and_explains_itself(tmp_path: Path, log_type: LogType) -> None:
    verdicts = run(tmp_path, [log_type], rule=RULE.replace("name: bad", "name: ugly"))
    assert [each.passed for each in verdicts] == [False, True]
    (finding,) = verdicts[0].explanation.findings
    assert (str(finding.predicate), finding.matched, finding.values) == ("name eq ugly", False, ("bad",))


def test_an_event_that_makes_no_row_is_a_problem(tmp_path: Path, log_type: LogType) -> None:
    deep = "{a: " * 250 + "1" + "}" * 250
    verdicts = run(tmp_path, [log_type], tests=f"{TESTS}  - {{name: deep, match: false, event: {deep}}}\n")
    assert [each.passed for each in verdicts] == [True, True, False]
    assert "nested deeper" in verdicts[2].problem


def test_rules_of_sources_that_are_not_installed_are_evaluated_all_the_same(tmp_path: Path) -> None:
    assert [(each.log_type, each.passed) for each in run(tmp_path, [])] == [("", True), ("", True)]


def test_a_rule_without_tests_has_no_verdict(tmp_path: Path, log_type: LogType) -> None:
    (tmp_path / "rule.yml").write_text(RULE)
    assert list(run_tests(RuleSet.load(packs=False, paths=[tmp_path]).rules, [log_type])) == []


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        ("test: []", "tests: missing"),
        ("tests: [{name: x, match: yes please, event: {a: 1}}]", "expected true or false"),
        ("tests: [{name: x, match: true}]", "expected a test with"),
        ("tests: [{name: x, match: true, event: {day: 2026-01-02}}]", "put dates in quotes"),
        ("tests: [", "broken YAML"),
    ],
)
def test_a_broken_test_file_is_named(tests: str, message: str, tmp_path: Path, log_type: LogType) -> None:
    with pytest.raises(RuleError, match=r"rule\.tests\.yml") as caught:
        run(tmp_path, [log_type], tests=tests)
    assert message in str(caught.value)
