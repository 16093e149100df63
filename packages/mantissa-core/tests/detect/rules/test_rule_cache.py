"""What was compiled once is read back as it was, and nothing else is."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from mantissa_core.detect.ir import compile as compiler
from mantissa_core.detect.ir.codec import StoredNode, restored, stored
from mantissa_core.detect.ir.tree import And, FieldRef, Glob, Not, Op, Or, Predicate, Regex, Wild
from mantissa_core.detect.rules import cache as rule_cache
from mantissa_core.detect.rules.cache import StoredRule
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet

RULE = """
title: {title}
id: {id}
level: high
tags: [attack.t1000, bare]
logsource: {{product: acme, service: audit}}
detection:
  selection:
    name|contains: ['a*b', plain]
    number: [5, 0.5]
    address|cidr: 10.0.0.0/8
    other|re|i: '^x.*y$'
    user.name|fieldref: name
    flag: true
    absent: null
    verb|expand: '%verbs%'
  filter: {{name|startswith: 'A', place: '*'}}
  keywords: [anything]
  condition: (selection or keywords) and not filter
mantissa: {{group_by: [user.name]}}
"""
IDS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(4)]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    for number in range(2):
        (folder / f"{number}.yml").write_text(RULE.format(title=f"Rule {number}", id=IDS[number]))
    two = [RULE.format(title=f"Rule {number}", id=IDS[number]) for number in (2, 3)]
    (folder / "two.yml").write_text("---".join(two))
    (folder / "broken.yml").write_text("title: no detection\nlogsource: {product: acme}\n")
    return folder


@pytest.fixture
def load(pack: Path, tmp_path: Path) -> Callable[..., RuleSet]:
    def loaded(verbs: tuple[str, ...] = ("create",)) -> RuleSet:
        return RuleSet.load(
            packs=False, paths=[pack], placeholders={"verbs": verbs}, cache=tmp_path / "cache" / "rules.msgpack"
        )

    return loaded


def facts(rules: RuleSet) -> list[dict[str, Any]]:
    return [
        {each.name: getattr(rule, each.name) for each in dataclasses.fields(Rule)} | {"version": rule.version}
        for rule in rules.rules
    ]


def refuse(*_: object) -> None:
    raise AssertionError("compiled again")


def test_a_second_start_compiles_nothing_and_finds_the_same(
    load: Callable[..., RuleSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load()
    assert len(first.rules) == 4
    monkeypatch.setattr(compiler, "compile_detection", refuse)
    second = load()
    assert facts(second) == facts(first)
    assert {place: str(error) for place, error in second.broken.items()}.keys() == first.broken.keys()


def test_another_text_and_other_placeholders_are_compiled(load: Callable[..., RuleSet], pack: Path) -> None:
    load()
    (pack / "0.yml").write_text(RULE.format(title="Rule 0", id=IDS[0]).replace("plain", "changed"))
    changed = load(("delete",))
    assert "changed" in str(changed.rules[0].ir)
    assert all("delete" in str(rule.ir) and "create" not in str(rule.ir) for rule in changed.rules)


def test_another_compiler_finds_nothing(load: Callable[..., RuleSet], monkeypatch: pytest.MonkeyPatch) -> None:
    load()
    monkeypatch.setattr(rule_cache, "_compiler", lambda: "another")
    monkeypatch.setattr(compiler, "compile_detection", refuse)
    with pytest.raises(AssertionError, match="compiled again"):
        load()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xc1",
        b"no cache",
        msgspec.msgpack.encode({"key": [["a rule of another shape"]]}),
        msgspec.msgpack.encode({"key": 5}),
        b"\x81\xa1k" + b"\x91" * 100_000,
    ],
)
def test_a_damaged_cache_is_ignored_and_written_anew(
    load: Callable[..., RuleSet], tmp_path: Path, damage: bytes
) -> None:
    expected, file = facts(load()), tmp_path / "cache" / "rules.msgpack"
    whole = file.read_bytes()
    file.write_bytes(damage)
    assert facts(load()) == expected
    assert file.read_bytes() == whole


def test_a_cut_or_overlong_file_is_damaged(
    load: Callable[..., RuleSet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, file = facts(load()), tmp_path / "cache" / "rules.msgpack"
    file.write_bytes(file.read_bytes()[:-7])
    assert facts(load()) == expected
    monkeypatch.setattr(rule_cache, "LARGEST", 10)
    assert facts(load()) == expected


def test_what_no_file_has_any_more_leaves_the_cache(load: Callable[..., RuleSet], pack: Path, tmp_path: Path) -> None:
    load()
    (pack / "two.yml").unlink()
    load()
    assert len(msgspec.msgpack.decode((tmp_path / "cache" / "rules.msgpack").read_bytes())) == 2


def test_an_unchanged_cache_is_not_written(load: Callable[..., RuleSet], tmp_path: Path) -> None:
    load()
    file = tmp_path / "cache" / "rules.msgpack"
    os.utime(file, ns=(1, 1))
    load()
    assert file.stat().st_mtime_ns == 1


def test_a_place_that_takes_no_file_is_no_error(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file, not a folder")
    found = RuleSet.load(
        packs=False, paths=[pack], placeholders={"verbs": ["x"]}, cache=tmp_path / "occupied" / "rules.msgpack"
    )
    assert len(found.rules) == 4


def test_legacy_rules_and_correlations_are_compiled_every_time(load: Callable[..., RuleSet], pack: Path) -> None:
    (pack / "legacy.yml").write_text(
        "title: Legacy\nid: 00000000-0000-4000-8000-00000000000a\nlogsource: {product: acme, service: audit}\n"
        "detection:\n  selection: {name: x}\n  timeframe: 5m\n  condition: selection | count() by user.name > 5\n"
    )
    first, second = load(), load()
    assert len(first.correlations) == len(second.correlations) == 1
    assert facts(second) == facts(first)


def test_every_kind_of_node_and_value_comes_back() -> None:
    values = (
        "a",
        5,
        0.5,
        1e300,
        2**53,
        Glob(("a", Wild.MANY, Wild.ONE, "\n")),
        Regex("x", "i"),
        FieldRef("b", Op.CONTAINS),
    )
    leaves = tuple(Predicate(field, op, values, cased) for op in Op for field, cased in (("a.b", False), (None, True)))
    tree = And((Or((Not(leaves[0]), *leaves)), Not(And(leaves))))
    again = restored(msgspec.msgpack.decode(msgspec.msgpack.encode(stored(tree)), type=StoredNode))
    assert again == tree
    assert [type(value) for value in again.children[0].children[1].values] == [type(value) for value in values]


def test_a_stored_rule_has_every_field_of_a_rule() -> None:
    assert {*StoredRule.__struct_fields__} == {each.name for each in dataclasses.fields(Rule)} - {
        "text",
        "source",
        "filters",
        "timing",
    }
