"""Rules of others: which come in, what a second import does, and what a hostile tree cannot do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.workflow.import_plan import Plan, Wanted, plan
from mantissa_core.detect.workflow.import_tree import MANIFEST, Imported, import_tree
from mantissa_core.detect.workflow.origin import commit_of, inside, licence_name
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType, Severity

RULE = """\
title: A rule
id: 8a6d3c3e-6c0e-4a53-9d7e-1f0c5f3f8f01
status: test
author: Ada
level: high
logsource: {product: acme, service: audit}
detection: {selection: {name: bad}, condition: selection}
"""
LICENCE = "# Licenses\n\nRules: [Detection Rule License (DRL) 1.1](https://example.com)\n"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    (folder / "rules" / "cloud").mkdir(parents=True)
    (folder / "LICENSE").write_text(LICENCE)
    (folder / "rules" / "cloud" / "a.yml").write_text(RULE)
    return folder


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "ours"


def planned(tree: Path, log_type: LogType, wanted: Wanted | None = None) -> Plan:
    return plan(tree, wanted or Wanted(), [log_type])


def run(tree: Path, into: Path, log_type: LogType, wanted: Wanted | None = None) -> Imported:
    return import_tree(tree, into, planned(tree, log_type, wanted))


def test_rules_come_in_as_they_are_with_their_licence_and_origin(tree: Path, into: Path, log_type: LogType) -> None:
    done = run(tree, into, log_type)
    assert done.added == ["LICENSE", "rules/cloud/a.yml"]
    assert (into / "rules/cloud/a.yml").read_text() == RULE
    assert (into / "LICENSE").read_text() == LICENCE
    manifest = json.loads((into / MANIFEST).read_text())
    assert (manifest["source"], manifest["commit"], manifest["licence"]) == (
        str(tree),
        None,
        "Detection Rule License (DRL) 1.1",
    )
    facts = manifest["files"]["rules/cloud/a.yml"]
    assert (facts["author"], facts["status"], facts["level"]) == ("Ada", "test", "high")


def test_a_second_import_changes_nothing(tree: Path, into: Path, log_type: LogType) -> None:
    run(tree, into, log_type)
    before = {file: file.stat().st_mtime_ns for file in into.rglob("*.yml")}
    text = (into / MANIFEST).read_text()
    done = run(tree, into, log_type)
    assert (done.added, done.changed, done.removed, len(done.unchanged)) == ([], [], [], 2)
    assert {file: file.stat().st_mtime_ns for file in into.rglob("*.yml")} == before
    assert (into / MANIFEST).read_text() == text


def test_what_changed_is_added_changed_and_removed(tree: Path, into: Path, log_type: LogType) -> None:
    (tree / "rules" / "b.yml").write_text(RULE.replace("8a6d", "8b6d"))
    run(tree, into, log_type)
    (tree / "rules" / "b.yml").unlink()
    (tree / "rules" / "c.yml").write_text(RULE.replace("8a6d", "8c6d"))
    (tree / "rules" / "cloud" / "a.yml").write_text(RULE.replace("high", "low"))
    done = run(tree, into, log_type)
    assert (done.added, done.changed, done.removed) == (["rules/c.yml"], ["rules/cloud/a.yml"], ["rules/b.yml"])
    assert not (into / "rules" / "b.yml").exists()


def test_what_the_operator_did_is_left_alone(tree: Path, into: Path, log_type: LogType) -> None:
    for name in ("b", "c"):
        (tree / "rules" / f"{name}.yml").write_text(RULE.replace("8a6d", f"8{name}6d"))
    run(tree, into, log_type)
    mine = RULE.replace("name: bad", "name: mine")
    (into / "rules" / "cloud" / "a.yml").write_text(mine)
    (into / "rules" / "b.yml").unlink()
    (into / "rules" / "c.yml").write_text(mine)
    (tree / "rules" / "cloud" / "a.yml").write_text(RULE.replace("high", "low"))
    (tree / "rules" / "c.yml").unlink()
    for _ in range(2):
        done = run(tree, into, log_type)
        assert done.kept == {
            "rules/cloud/a.yml": "changed here",
            "rules/b.yml": "deleted here",
            "rules/c.yml": "changed here, no longer in the tree",
        }
        assert (into / "rules/cloud/a.yml").read_text() == mine


def test_a_file_that_was_there_before_is_not_overwritten(tree: Path, into: Path, log_type: LogType) -> None:
    into.mkdir()
    (into / "LICENSE").write_text("mine")
    assert run(tree, into, log_type).kept == {"LICENSE": "was here before"}
    assert (into / "LICENSE").read_text() == "mine"


def test_a_dry_run_writes_nothing(tree: Path, into: Path, log_type: LogType) -> None:
    done = import_tree(tree, into, planned(tree, log_type), dry_run=True)
    assert done.added == ["LICENSE", "rules/cloud/a.yml"]
    assert not into.exists()


def test_tests_come_with_their_rule(tree: Path, into: Path, log_type: LogType) -> None:
    (tree / "rules" / "cloud" / "a.tests.yml").write_text("tests: []\n")
    assert "rules/cloud/a.tests.yml" in run(tree, into, log_type).added


@pytest.mark.parametrize(
    ("rule", "wanted", "reason"),
    [
        (RULE.replace("acme", "other"), Wanted(), "log source not installed"),
        (RULE.replace("status: test", "status: deprecated"), Wanted(), "status deprecated"),
        (RULE.replace("status: test", "status: deprecated"), Wanted(statuses=["deprecated"]), ""),
        (RULE.replace("level: high", "level: low"), Wanted(level=Severity.MEDIUM), "below level medium"),
        (RULE.replace("level: high", "level: critical"), Wanted(level=Severity.HIGH), ""),
        (RULE.replace("acme", "other"), Wanted(every=True), ""),
    ],
)
def test_filters_leave_rules_out(rule: str, wanted: Wanted, reason: str, tree: Path, log_type: LogType) -> None:
    (tree / "rules" / "cloud" / "a.yml").write_text(rule)
    found = planned(tree, log_type, wanted)
    assert found.left == ({reason: 1} if reason else {})
    assert bool(found.chosen) is not bool(reason)


def test_rules_that_do_not_load_are_refused_with_the_reason(tree: Path, log_type: LogType) -> None:
    (tree / "broken.yml").write_text(RULE.replace("condition: selection", "condition: nothing"))
    (tree / "yaml.yml").write_text("title: [")
    refused = planned(tree, log_type).refused
    assert "nothing" in refused["broken.yml"]
    assert "broken YAML" in refused["yaml.yml"]


def test_links_are_not_followed(tree: Path, into: Path, log_type: LogType, tmp_path: Path) -> None:
    (tmp_path / "secret.yml").write_text(RULE)
    (tree / "file.yml").symlink_to(tmp_path / "secret.yml")
    (tree / "folder").symlink_to(tmp_path)
    found = planned(tree, log_type)
    assert set(found.refused) == {"file.yml", "folder"}
    assert set(found.chosen) == {"rules/cloud/a.yml"}


def test_nothing_is_written_through_a_link_in_the_target(
    tree: Path, into: Path, log_type: LogType, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    into.mkdir()
    (into / "rules").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RuleError, match="leads out of"):
        run(tree, into, log_type)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["../a.yml", "/etc/a.yml", "a/../../b.yml", "a//b.yml", ".hidden.yml", "a\nb.yml", ""])
def test_names_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RuleError):
        inside(tmp_path, name)


def test_odd_names_in_the_tree_are_refused(tree: Path, log_type: LogType) -> None:
    (tree / "a\x1b[31m.yml").write_text(RULE)
    assert "not a name" in planned(tree, log_type).refused["a\x1b[31m.yml"]


def test_a_manifest_cannot_name_files_outside(tree: Path, into: Path, log_type: LogType, tmp_path: Path) -> None:
    run(tree, into, log_type)
    (tmp_path / "precious").write_text("mine")
    manifest = json.loads((into / MANIFEST).read_text())
    manifest["files"]["../precious"] = {"sha256": "0" * 64}
    (into / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(RuleError):
        run(tree, into, log_type)
    assert (tmp_path / "precious").exists()


def test_trees_without_a_licence_and_nested_or_mixed_folders_are_refused(
    tree: Path, into: Path, log_type: LogType, tmp_path: Path
) -> None:
    with pytest.raises(RuleError, match="lie in each other"):
        run(tree, tree / "mine", log_type)
    run(tree, into, log_type)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(RuleError, match="no file LICENSE"):
        run(other, into, log_type)
    (other / "LICENSE").write_text("MIT License")
    with pytest.raises(RuleError, match="holds rules of"):
        run(other, into, log_type)
    (into / MANIFEST).write_text("{")
    with pytest.raises(RuleError, match="damaged"):
        run(tree, into, log_type)


@pytest.mark.parametrize("packed", [True, False])
def test_the_commit_of_a_checkout_is_read_without_running_git(tree: Path, packed: bool) -> None:
    git = tree / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/master\n")
    if packed:
        (git / "packed-refs").write_text(f"# pack-refs with: peeled\n{COMMIT} refs/heads/master\n")
    else:
        (git / "refs" / "heads" / "master").write_text(f"{COMMIT}\n")
    assert commit_of(tree / "rules") == COMMIT
    (git / "HEAD").write_text(f"{COMMIT}\n")
    assert commit_of(tree) == COMMIT
    (git / "HEAD").write_text("ref: refs/../../../etc/passwd\n")
    assert commit_of(tree) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (LICENCE, "Detection Rule License (DRL) 1.1"),
        ("MIT License\n\nCopyright", "MIT License"),
        ("   Apache License\n   Version 2.0, January 2004", "Apache License Version 2.0"),
        ("# Our terms\nBe kind.", "Our terms"),
    ],
)
def test_licences_are_called_by_their_name(text: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text(text)
    assert licence_name(tmp_path / "LICENSE") == name


BASE = RULE.replace("title: A rule", "title: Base\nname: base").replace("8a6d3c3e", "9a6d3c3e")
ABOVE = """\
title: Many
id: aa6d3c3e-6c0e-4a53-9d7e-1f0c5f3f8f01
status: test
author: Eve
level: high
correlation: {type: event_count, rules: [base], timespan: 5m, condition: {gte: 5}}
"""


def test_a_correlation_comes_in_with_the_files_that_it_refers_to(tree: Path, into: Path, log_type: LogType) -> None:
    (tree / "rules" / "above.yml").write_text(ABOVE)
    (tree / "rules" / "cloud" / "base.yml").write_text(BASE.replace("level: high", "level: low"))
    (tree / "rules" / "above.tests.yml").write_text("tests: []")
    done = run(tree, into, log_type, Wanted(level=Severity.HIGH))
    names = ["LICENSE", "rules/above.tests.yml", "rules/above.yml", "rules/cloud/a.yml", "rules/cloud/base.yml"]
    assert done.added == names
    files = json.loads((into / MANIFEST).read_text())["files"]
    assert [files[f"rules/{name}"]["author"] for name in ("above.yml", "cloud/base.yml")] == ["Eve", "Ada"]
    loaded = RuleSet.load(packs=False, paths=[into])
    assert (len(loaded.rules), [each.title for each in loaded.correlations], loaded.broken) == (2, ["Many"], {})


def test_a_correlation_without_its_rules_or_with_broken_ones_is_refused(tree: Path, log_type: LogType) -> None:
    (tree / "rules" / "above.yml").write_text(ABOVE)
    assert "neither id nor name" in planned(tree, log_type).refused["rules/above.yml"]
    (tree / "rules" / "base.yml").write_text(BASE.replace("condition: selection", "condition: nothing"))
    found = planned(tree, log_type)
    assert set(found.refused) == {"rules/above.yml", "rules/base.yml"}
    assert set(found.chosen) == {"rules/cloud/a.yml"}


def test_a_correlation_of_sources_that_are_not_installed_is_left_out(tree: Path, log_type: LogType) -> None:
    (tree / "rules" / "above.yml").write_text(ABOVE)
    (tree / "rules" / "base.yml").write_text(BASE.replace("product: acme", "product: other"))
    found = planned(tree, log_type)
    assert (found.left, set(found.chosen)) == ({"log source not installed": 2}, {"rules/cloud/a.yml"})
    assert len(planned(tree, log_type, Wanted(every=True)).chosen) == 3


def test_two_files_with_one_id_are_both_refused(tree: Path, log_type: LogType) -> None:
    (tree / "rules" / "b.yml").write_text(RULE)
    found = planned(tree, log_type)
    assert found.chosen == {}
    assert all("all are refused, keep one" in each for each in found.refused.values())
