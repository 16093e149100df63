"""Rule files against the schema of Sigma documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.rules.schema import flaws
from mantissa_core.detect.workflow.lint import lint
from mantissa_core.errors import RuleError

RULE = """title: A rule
id: not-a-uuid
status: stable
author: Ada
date: 2026-01-02
tags: [bare, attack.t1098]
level: high
logsource: {product: acme}
detection:
  selection: {a: 1}
  condition: selection
"""
CORRELATION = """title: Many
correlation:
  type: event_count
  rules: a
  timespan: 10m
  group-by: [user]
  condition: {gte: 10}
"""
FILTER = """title: Known
logsource: {product: acme}
filter:
  rules: any
  known: {a: 1}
  condition: not known
"""
LEGACY = RULE.replace("condition: selection", "condition: selection | count() by u > 5\n  timeframe: 10m")


@pytest.mark.parametrize("text", [RULE, CORRELATION, FILTER, LEGACY, "tests: []", f"---\n---\n{RULE}"])
def test_what_is_used_in_the_field_has_no_flaws(text: str) -> None:
    assert list(flaws(text)) == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (RULE.replace("stable", "perfect"), 3, 'status: found "perfect", expected stable, test, '),
        (RULE.replace("2026-01-02", "last year"), 5, 'date: found "last year", expected a day such as 2026-11-21'),
        (RULE.replace("title: A rule", "title: 5"), 1, "title: found 5, expected a text of 1 to 256 characters"),
        (RULE.replace("author: Ada", "author: [Ada]"), 4, 'author: found ["Ada"], expected a text'),
        (RULE.replace("product: acme", "definition: x"), 8, "logsource: found {"),
        (RULE.replace("{a: 1}", "true"), 10, "detection.selection: found true, expected a mapping of fields, a list"),
        (RULE + "related:\n  - id: x\n    type: cousin\n", 14, 'related.0.type: found "cousin", expected correlation'),
        (RULE + "mantissa:\n  stage: maybe\n", 13, 'mantissa.stage: found "maybe", expected active or shadow'),
        (CORRELATION.replace("  timespan: 10m\n", ""), 2, "correlation.timespan: missing"),
        (CORRELATION.replace("gte", "most"), 7, "correlation.condition: Additional properties"),
        (FILTER.replace("  rules: any\n", ""), 3, "filter.rules: missing"),
        (f"{RULE}---\n{FILTER.replace('not known', '[a, b]')}", 18, 'filter.condition: found ["a", "b"], expected one'),
    ],
)
def test_a_flaw_names_its_line_and_what_was_expected(text: str, line: int, message: str) -> None:
    found = list(flaws(text))
    assert (found[0].line, found[0].message[: len(message)]) == (line, message)


def test_broken_yaml_is_no_flaw_but_an_error() -> None:
    with pytest.raises(RuleError, match="line 2: broken YAML"):
        list(flaws("title: [\n"))


def test_lint_reports_flaws_of_rules_that_load(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(RULE.replace("status: stable", "status: perfect"))
    found = [each for each in lint(RuleSet.load(packs=False, paths=[tmp_path]), []) if each.check == "schema"]
    assert [(str(each.level), each.line) for each in found] == [("error", 3)]


def test_public_rules_have_hardly_a_flaw(shared_data: Path) -> None:
    files = [*(shared_data / "sigmahq").glob("rules*/**/*.yml")]
    assert len(files) > 3000
    assert [(str(file), each) for file in files for each in flaws(file.read_text("utf-8"))] == []
