"""What the linter finds, with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mantissa_core.detect.ir.possible import can_match
from mantissa_core.detect.ir.tree import And, Not, Op, Or, Predicate
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.workflow.lint import Level, Problem, lint
from mantissa_core.model import LogType

GOOD = """\
title: A rule
id: 8a6d3c3e-6c0e-4a53-9d7e-1f0c5f3f8f01
description: Something happened.
falsepositives: [Nobody.]
tags:
  - attack.persistence
  - attack.t1098
logsource: {product: acme, service: audit}
detection:
  selection:
    name: bad
  condition: selection
"""
TESTS = """\
tests:
  - {name: bad, match: true, event: {name: bad}}
  - {name: good, match: false, event: {name: good}}
"""


def run(folder: Path, log_types: list[LogType], *rules: str, tests: str | None = TESTS) -> list[Problem]:
    for number, rule in enumerate(rules):
        (folder / f"rule{number}.yml").write_text(rule)
        if tests is not None:
            (folder / f"rule{number}.tests.yml").write_text(tests)
    return lint(RuleSet.load(packs=False, paths=[folder]), log_types)


def found(problems: list[Problem]) -> list[tuple[str, str, Any]]:
    return [(each.check, str(each.level), each.line) for each in problems]


def test_a_good_rule_has_no_problem(tmp_path: Path, log_type: LogType) -> None:
    assert run(tmp_path, [log_type], GOOD) == []


def test_problems_name_file_rule_and_line(tmp_path: Path, log_type: LogType) -> None:
    (problem,) = run(tmp_path, [log_type], GOOD.replace("attack.persistence", "attack.persitence"))
    assert problem == Problem(
        "attack-tag",
        Level.WARNING,
        "no tactic or technique: attack.persitence",
        str(tmp_path / "rule0.yml"),
        5,
        "8a6d3c3e-6c0e-4a53-9d7e-1f0c5f3f8f01",
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "    name: bad",
            "    name: bad\n    nmae|contains: x",
            [("never-fires", "error", 13), ("dead-field", "warning", 12)],
        ),
        ("  condition: selection", "  f: {nmae: x}\n  condition: selection and not f", [("dead-field", "warning", 12)]),
        ("product: acme", "product: other", [("no-log-type", "warning", 8)]),
        ("description: Something happened.\n", "", [("no-description", "warning", 1)]),
        ("falsepositives: [Nobody.]\n", "", [("no-falsepositives", "hint", 1)]),
        ("  - attack.t1098\n", "", [("no-technique", "hint", 5)]),
        ("id: 8a6d3c3e-6c0e-4a53-9d7e-1f0c5f3f8f01", "id: one", [("accepted", "warning", 2)]),
        ("    name: bad", "    name|re: b.d", [("slow", "hint", 9)]),
        ("  condition: selection", "  more: {name: x}\n  condition: selection", [("dangling-detection", "error", 9)]),
        ("  - attack.t1098", "  - attack.t1098\n  - attack.t1098", [("duplicate-tag", "warning", 5)]),
        ("    name: bad", "    name: bad\n    name: worse", [("does-not-load", "error", 12)]),
    ],
)
def test_each_problem_is_found_where_it_is(
    before: str, after: str, expected: list[Any], tmp_path: Path, log_type: LogType
) -> None:
    problems = run(tmp_path, [log_type], GOOD.replace(before, after))
    assert sorted(found(problems)) == sorted(expected)


def test_missing_one_sided_and_broken_tests_are_told_apart(tmp_path: Path, log_type: LogType) -> None:
    assert found(run(tmp_path, [log_type], GOOD, tests=None)) == [("no-tests", "warning", 1)]
    one = "tests: [{name: bad, match: true, event: {name: bad}}]"
    assert found(run(tmp_path, [log_type], GOOD, tests=one)) == [("one-sided-tests", "warning", 1)]
    assert found(run(tmp_path, [log_type], GOOD, tests="tests: 5")) == [("broken-tests", "error", 1)]


def test_rules_that_detect_the_same_are_duplicates_whatever_they_look_like(tmp_path: Path, log_type: LogType) -> None:
    first = GOOD.replace("    name: bad", "    name: [bad, worse]\n    number: 5")
    second = (
        GOOD.replace("    name: bad", "    number: 5\n    name: [Worse, BAD]")
        .replace("8a6d3c3e", "9a6d3c3e")
        .replace("A rule", "Another rule")
    )
    assert found(run(tmp_path, [log_type], first, second)) == [("duplicate", "warning", 9)]
    third = second.replace("product: acme, service: audit", "product: acme, service: other")
    checks = {each.check for each in run(tmp_path, [log_type], first, third)}
    assert checks == {"no-log-type"}


def test_fields_are_known_by_alias_and_below_json_columns(tmp_path: Path, log_type: LogType) -> None:
    rule = GOOD.replace("    name: bad", "    source.ip: 192.0.2.1\n    params.anything: x\n    NAME: bad")
    assert run(tmp_path, [log_type], rule) == []


def test_correlations_are_checked_for_words_and_their_parts_are_not(tmp_path: Path, log_type: LogType) -> None:
    part = GOOD.replace("description: Something happened.\n", "name: part\n").replace("  - attack.t1098\n", "")
    whole = "correlation: {type: event_count, rules: [part], timespan: 5m, condition: {gte: 5}}"
    correlation = f"---\ntitle: Many\nid: 9a6d3c3e-6c0e-4a53-9d7e-1f0c5f3f8f01\n{whole}\n"
    problems = run(tmp_path, [log_type], part + correlation)
    assert [(each.check, each.line) for each in problems if each.level is not Level.HINT] == [
        ("no-description", 13),
        ("no-tests", 13),
    ]
    assert {each.line for each in problems} == {13}


def test_a_tree_that_needs_a_dead_field_cannot_match() -> None:
    dead, live = Predicate("dead", Op.EQ, ("x",)), Predicate("live", Op.EQ, ("x",))
    names = {"dead"}
    assert not can_match(And((dead, live)), names)
    assert can_match(Or((dead, live)), names)
    assert can_match(And((Not(dead), live)), names)
    assert can_match(Predicate("dead", Op.NULL), names)
    assert not can_match(Not(Predicate("dead", Op.NULL)), names)
    assert not can_match(Not(Or((Not(dead), live))), names)
