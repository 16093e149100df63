"""Rule files: what loads, what is refused, and where the reason points."""

from __future__ import annotations

from pathlib import Path

import pytest
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.model import Severity

RULE = """\
title: A user was created
id: 8a6d3c3e-6c0e-4a53-9d7e-1f0c5f3f8f01
level: high
author: Somebody
description: Says what it is.
tags: [attack.persistence, attack.t1136]
references: [https://example.com/]
falsepositives: [Onboarding.]
fields: [user.name]
logsource: {product: acme, service: audit}
detection:
  selection: {name: CreateUser}
  condition: selection
mantissa: {group_by: [user.name]}
"""


def load(folder: Path, **files: str) -> RuleSet:
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text)
    return RuleSet.load(packs=False, paths=[folder])


def test_a_rule_keeps_what_its_file_says(tmp_path: Path) -> None:
    (rule,) = load(tmp_path, a=RULE).rules
    assert (rule.id, rule.title) == ("8a6d3c3e-6c0e-4a53-9d7e-1f0c5f3f8f01", "A user was created")
    assert (rule.severity, rule.author, rule.description) == (Severity.HIGH, "Somebody", "Says what it is.")
    assert rule.tags == ("attack.persistence", "attack.t1136")
    assert (rule.fields, rule.group_by, rule.touched) == (("user.name",), ("user.name",), ("name",))
    assert (rule.logsource.product, rule.logsource.service) == ("acme", "audit")
    assert (rule.text, rule.source, rule.warnings) == (RULE, str(tmp_path / "a.yml"), ())


def test_folders_are_searched_and_test_files_left_out(tmp_path: Path) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "deep" / "deeper" / "a.yml").write_text(RULE)
    (tmp_path / "deep" / "deeper" / "a.tests.yml").write_text("tests: []")
    (tmp_path / "deep" / ".git").mkdir()
    (tmp_path / "deep" / ".git" / "b.yml").write_text("no: rule")
    (tmp_path / "notes.txt").write_text("no rule")
    found = RuleSet.load(packs=False, paths=[tmp_path, tmp_path / "deep"])
    assert [rule.title for rule in found.rules] == ["A user was created"]
    assert found.broken == {}


def test_a_broken_rule_is_listed_and_the_others_load(tmp_path: Path) -> None:
    found = load(tmp_path, a=RULE, b="title: [\n\nid: x", c="title: x\nlogsource: {product: a}\n")
    assert len(found.rules) == 1
    assert {Path(source).name for source in found.broken} == {"b.yml", "c.yml"}
    assert str(tmp_path / "b.yml") in str(found.broken[str(tmp_path / "b.yml")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: x\ntags:\n  - a\n - b\n", "line 4: broken YAML"),
        ("title: x\ntitle: y\n", "line 2: broken YAML: the key 'title' stands twice"),
        (RULE.replace("selection: {name: CreateUser}", "selection: {a: 1}\n  selection: {b: 2}"), "line 13"),
        ("", "empty"),
        ("- a\n- b\n", "found list"),
        ("!!python/object:os.system x", "broken YAML"),
        (RULE.replace("level: high", "level: urgent"), "level: found 'urgent'"),
        (RULE.replace("title: A user was created", "name: x"), "title: missing"),
        (RULE.replace("{product: acme, service: audit}", "{definition: x}"), "logsource: empty"),
        (RULE.replace("{product: acme, service: audit}", "acme"), "logsource: found str"),
        (RULE.replace("tags: [attack.persistence, attack.t1136]", "tags: [{a: b}]"), "tags: expected"),
        (RULE.replace("condition: selection", "condition: selection | max(a) > 5"), "max() has no correlation type"),
        ("title: x\ncorrelation: {type: event_count}\n", "without rule references"),
        ("title: x\nlogsource: {product: a}\nfilter: {rules: [x]}\n", "filter.condition: missing"),
        ("action: global\ntitle: x\n", "global documents are not evaluated"),
    ],
)
def test_the_reason_names_the_file_and_the_place(text: str, message: str, tmp_path: Path) -> None:
    found = load(tmp_path, bad=text)
    assert found.rules == []
    (reason,) = found.broken.values()
    assert str(reason).startswith(str(tmp_path / "bad.yml"))
    assert message in str(reason)


def test_bytes_that_are_no_text_are_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_bytes(b"title: x\nlevel: \xff\n")
    (reason,) = RuleSet.load(packs=False, paths=[tmp_path]).broken.values()
    assert "line 2: not UTF-8" in str(reason)


def test_an_absent_file_is_broken_by_name(tmp_path: Path) -> None:
    found = RuleSet.load(packs=False, paths=[tmp_path / "nowhere.yml"])
    assert "cannot be read" in str(found.broken[str(tmp_path / "nowhere.yml")])


def test_of_two_rules_with_one_id_neither_loads(tmp_path: Path) -> None:
    found = load(tmp_path, a=RULE, b=RULE.replace("A user", "Another user"))
    assert found.rules == []
    for name in ("a.yml", "b.yml"):
        reason = str(found.broken[str(tmp_path / name)])
        assert str(tmp_path / "a.yml") in reason
        assert str(tmp_path / "b.yml") in reason


def test_several_documents_in_one_file_are_several_rules(tmp_path: Path) -> None:
    second = RULE.replace("8a6d3c3e", "9a6d3c3e")
    found = load(tmp_path, a=f"{RULE}---\n{second}---\ncorrelation: {{}}\n")
    assert len(found.rules) == 2
    assert list(found.broken) == [f"{tmp_path / 'a.yml'} (document 3)"]


def test_loose_ids_and_tags_are_accepted_with_a_warning(tmp_path: Path) -> None:
    loose = RULE.replace("8a6d3c3e-6c0e-4a53-9d7e-1f0c5f3f8f01", "acme-001").replace("attack.t1136", "T1136")
    without = "\n".join(line for line in RULE.splitlines() if not line.startswith("id:"))
    first, second = load(tmp_path, a=loose, b=without).rules
    assert first.id == "acme-001"
    assert [warning.split(":")[0] for warning in first.warnings] == ["id", "tags"]
    assert second.id == load(tmp_path, b=without).rules[1].id
    assert "missing" in second.warnings[0]


def test_a_rule_without_a_level_is_of_medium_severity(tmp_path: Path) -> None:
    (rule,) = load(tmp_path, a=RULE.replace("level: high\n", "")).rules
    assert rule.severity is Severity.MEDIUM


def test_rules_are_found_by_id_and_left_out_by_id(tmp_path: Path) -> None:
    found = load(tmp_path, a=RULE)
    rule = found.rules[0]
    assert found.get(rule.id) is rule
    assert found.get("other") is None
    assert found.without([rule.id]).rules == []
    assert found.without(["other"]).rules == [rule]


def test_placeholders_come_from_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(RULE.replace("{name: CreateUser}", "{name|expand: '%verbs%'}"))
    assert RuleSet.load(packs=False, paths=[tmp_path]).rules == []
    assert len(RuleSet.load(packs=False, paths=[tmp_path], placeholders={"verbs": ["Create"]}).rules) == 1


def test_a_rule_s_version_changes_with_its_text(tmp_path: Path) -> None:
    (old,) = load(tmp_path, a=RULE).rules
    (new,) = load(tmp_path, a=f"{RULE}# changed\n").rules
    assert old.version != new.version
