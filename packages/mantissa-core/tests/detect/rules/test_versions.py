"""The versions of rules that the engine has run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mantissa_core.detect.rules import versions as module
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.versions import Versions
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(SQLite(SQLite.Config(path=tmp_path / "state.sqlite")))


@pytest.fixture
def rules(make_rule: Callable[..., Rule]) -> Sequence[Rule]:
    rule = make_rule({"selection": {"name": "bad"}}, author="Ada", date="2026-01-02", modified="2026-04-03")
    return [replace(rule, id=f"rule-{number}", text=f"text {number}", source="a.yml") for number in range(300)]


def test_a_version_is_kept_once_with_what_its_file_says(state: State, rules: Sequence[Rule]) -> None:
    versions = Versions(state, lambda: NOW)
    assert (versions.record(rules), versions.record(rules), versions.record(rules[::-1])) == (300, 0, 0)
    (found,) = versions.of("rule-7")
    assert (found.version, found.first_seen) == (rules[7].version, "2026-05-01T00:00:00+00:00")
    assert (found.author, found.modified, found.source) == ("Ada", "2026-04-03", "a.yml")
    assert versions.of("no-such-rule") == []


def test_a_start_with_the_same_rules_looks_at_one_document_only(state: State, rules: Sequence[Rule]) -> None:
    versions = Versions(state)
    versions.record(rules)
    for document in list(state.scan("rules", "versions/")):
        if document.key != "versions/digest":
            state.update("rules", document.key, lambda _old: None)
    assert versions.record(rules) == 0
    assert versions.of("rule-7") == []


def test_only_what_changed_becomes_another_version_and_what_comes_back_is_told_again(
    state: State, rules: Sequence[Rule]
) -> None:
    versions, changed = Versions(state), [replace(rules[0], text="new"), *rules[1:]]
    assert [versions.record(each) for each in (rules, changed, changed[1:], rules)] == [300, 1, 0, 1]
    assert [each.version for each in versions.of("rule-0")] == [
        each.version for each in (rules[0], changed[0], rules[0])
    ]
    assert len(versions.of("rule-1")) == 1


def test_the_oldest_versions_go_where_there_is_no_room(
    state: State, rules: Sequence[Rule], monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = Versions(state)
    for number in range(25):
        versions.record([replace(rules[0], text=str(number))])
    assert len(versions.of("rule-0")) == 20
    monkeypatch.setattr(module, "LARGEST", 1000)
    versions.record([replace(rules[0], text="last")])
    kept = versions.of("rule-0")
    assert (len(kept), kept[-1].version) == (5, replace(rules[0], text="last").version)
