"""Techniques by log source, as data, as a page and as a Navigator layer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

from mantissa_core.detect.rules.rule import Rule, parse_rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.workflow.coverage import ABSENT, Coverage, Source, coverage
from mantissa_core.detect.workflow.coverage_page import page
from mantissa_core.detect.workflow.navigator import NO_EVENTS, layer
from mantissa_core.model import LogType
from mantissa_core.model.attack import tactics, techniques, unknown_tags

MakeRule = Callable[..., Rule]
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
LIVE = [Source("acme.audit", "live", 1200, "2026-11-20")]


def rule(title: str, *tags: str, product: str = "acme") -> Rule:
    return parse_rule(
        {
            "title": title,
            "tags": list(tags),
            "logsource": {"product": product},
            "detection": {"selection": {"name": title}, "condition": "selection"},
        }
    )


def cover(log_type: LogType, *rules: Rule, found: list[Source] | None = None) -> Coverage:
    return coverage(RuleSet(list(rules)), [log_type], LIVE if found is None else found)


def test_tags_are_read_in_any_case_and_unknown_ones_named() -> None:
    tags = ("attack.t1098.001", "attack.T1555", "attack.Privilege_Escalation", "attack.initial-access", "cve.2026-1")
    assert techniques(tags) == ("T1098.001", "T1555")
    assert tactics(tags) == ("initial-access", "privilege-escalation")
    assert unknown_tags((*tags, "attack.t12", "attack.nonsense", "attack.g0016")) == ("attack.t12", "attack.nonsense")


def test_a_technique_is_covered_where_events_of_its_source_came_in(log_type: LogType) -> None:
    rules = (
        rule("one", "attack.t1098", "attack.persistence"),
        rule("two", "attack.t1098", "attack.persistence", product="elsewhere"),
        rule("three", "attack.t1003", product="elsewhere"),
        rule("four", "attack.impact"),
    )
    found = cover(log_type, *rules)
    assert [(each.id, each.tactics, each.covered) for each in found.techniques] == [
        ("T1098", ("persistence",), True),
        ("T1003", (), False),
    ]
    assert {name: [each.title for each in cell] for name, cell in found.techniques[0].rules.items()} == {
        "acme.audit": ["one"],
        ABSENT: ["two"],
    }
    assert [(each.name, each.state) for each in found.sources] == [("acme.audit", "live"), (ABSENT, "missing")]
    assert [each.title for each in found.untagged] == ["four"]


def test_a_source_without_events_covers_nothing(log_type: LogType) -> None:
    silent = [Source("acme.audit", "silent"), Source("unused.thing", "silent")]
    found = cover(log_type, rule("one", "attack.t1098"), found=silent)
    assert [each.covered for each in found.techniques] == [False]
    assert [each.name for each in found.sources] == ["acme.audit"]


def test_a_correlation_reads_what_its_rules_read(log_type: LogType, tmp_path: Path) -> None:
    (tmp_path / "correlation.yml").write_text(
        """
title: Many failures
correlation: {type: event_count, rules: [failure], timespan: 5m, condition: {gte: 5}}
tags: [attack.t1110]
---
title: A failure
name: failure
logsource: {product: acme}
detection: {selection: {name: failed}, condition: selection}
"""
    )
    found = coverage(RuleSet.load(packs=False, paths=[tmp_path]), [log_type], LIVE)
    assert [(each.id, each.covered, list(each.rules)) for each in found.techniques] == [("T1110", True, ["acme.audit"])]
    assert found.untagged == ()


def test_the_layer_is_one_of_version_4_5(log_type: LogType) -> None:
    found = cover(log_type, rule("one", "attack.t1098.001"), rule("two", "attack.t1003", product="elsewhere"))
    made = layer(found)
    assert (made["versions"]["layer"], made["domain"]) == ("4.5", "enterprise-attack")
    assert made["gradient"]["maxValue"] > made["gradient"]["minValue"]
    by_id = {each["techniqueID"]: each for each in made["techniques"]}
    assert (by_id["T1098.001"]["score"], "color" in by_id["T1098.001"]) == (1, False)
    assert (by_id["T1003"]["score"], by_id["T1003"]["color"]) == (0, NO_EVENTS)
    assert by_id["T1098.001"]["metadata"] == [{"name": "acme.audit", "value": "1"}]
    assert by_id["T1098.001"]["comment"] == "one"


class Reader(HTMLParser):
    """Reads a page as a browser would: what is open, what is loaded, what stands there."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loaded += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_well_formed_self_contained_and_escaped(log_type: LogType) -> None:
    evil = "<script>alert(1)</script> & <img src=x onerror=alert(1)>"
    found = cover(log_type, rule(evil, "attack.t1098"), rule(f"{evil}2"))
    reader = Reader()
    reader.feed(text := page(found, NOW))
    assert (reader.open, reader.loaded) == ([], [])
    assert not reader.tags & {"script", "img", "iframe", "link"}
    assert evil in reader.text
    assert "T1098" in reader.text
    assert "1,200" in text
    assert "url(" not in text
    assert "@import" not in text


def test_a_page_without_rules_is_a_page_too(log_type: LogType) -> None:
    reader = Reader()
    reader.feed(page(coverage(RuleSet(), [log_type], []), NOW))
    assert reader.open == []
