"""Mutants: what is tried, and that tests are told apart by what they notice."""

from __future__ import annotations

from pathlib import Path

import pytest
from mantissa_core.detect.ir.tree import And, Node, Not, Op, Or, Predicate
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.testing import mutate as module
from mantissa_core.detect.testing.mutate import Mutation, mutants, mutate
from mantissa_core.model import LogType

A, B, C = (Predicate(name, Op.EQ, ("x",)) for name in "abc")

RULE = """\
title: A rule
id: 8a6d3c3e-6c0e-4a53-9d7e-1f0c5f3f8f01
logsource: {product: acme, service: audit}
detection: {selection: {name: [bad, worse]}, own: {address: 192.0.2.1}, condition: selection and not own}
"""
TESTS = """\
tests:
  - {name: bad, match: true, event: {name: bad}}
  - {name: good, match: false, event: {name: good}}
"""
MORE = """\
  - {name: worse, match: true, event: {name: worse}}
  - {name: own, match: false, event: {name: bad, address: 192.0.2.1}}
"""


def run(folder: Path, log_type: LogType, tests: str) -> Mutation:
    (folder / "rule.yml").write_text(RULE)
    (folder / "rule.tests.yml").write_text(tests)
    (found,) = mutate(RuleSet.load(packs=False, paths=[folder]).rules, [log_type])
    return found


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (A, [Not(A)]),
        (Not(A), [A]),
        (And((A, B)), [Not(And((A, B))), B, And((Not(A), B)), A, And((A, Not(B)))]),
        (Or((A, Not(B))), [Not(Or((A, Not(B)))), Not(B), Or((Not(A), Not(B))), A, Or((A, B))]),
        (
            Predicate("a", Op.EQ, ("x", "y")),
            [
                Not(Predicate("a", Op.EQ, ("x", "y"))),
                Predicate("a", Op.EQ, ("y",)),
                Predicate("a", Op.EQ, ("x",)),
            ],
        ),
    ],
)
def test_each_place_is_dropped_and_negated_once(tree: Node, expected: list[Node]) -> None:
    assert [each.tree for each in mutants(tree)] == expected


def test_mutants_are_distinct_named_and_never_the_rule_itself() -> None:
    tree = And((A, Or((B, Not(And((A, C))))), Not(C)))
    found = list(mutants(tree))
    assert len({each.tree for each in found}) == len(found)
    assert tree not in {each.tree for each in found}
    assert "dropped: b eq x" in [each.change for each in found]
    assert found == list(mutants(tree))


def test_changes_that_no_test_notices_survive(tmp_path: Path, log_type: LogType) -> None:
    assert run(tmp_path, log_type, TESTS).survivors == [
        "value dropped: name eq worse",
        "dropped: not (address eq 192.0.2.1)",
    ]


def test_better_tests_leave_no_survivor(tmp_path: Path, log_type: LogType) -> None:
    found = run(tmp_path, log_type, TESTS + MORE)
    assert (found.survivors, found.left, found.skipped) == ([], 0, "")
    assert found.tried == 7


def test_a_rule_without_tests_or_with_failing_ones_is_not_mutated(tmp_path: Path, log_type: LogType) -> None:
    assert run(tmp_path, log_type, "tests: []").skipped == "it has no tests"
    assert run(tmp_path, log_type, TESTS.replace("match: true", "match: false")).skipped == "its tests fail"


def test_the_number_of_mutants_is_bounded(tmp_path: Path, log_type: LogType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    found = run(tmp_path, log_type, TESTS)
    assert (found.tried, found.left) == (3, 4)
