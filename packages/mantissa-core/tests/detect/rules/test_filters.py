"""Filters: read, given to their rules, applied to the rows that hit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from mantissa_core.detect.ir.tree import Op, Predicate, Regex
from mantissa_core.detect.match.matcher import Matcher
from mantissa_core.detect.match.suppress import Suppressor
from mantissa_core.detect.rules.filters import attached, narrowed, parse_filter
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.rules.stages import shadowed
from mantissa_core.detect.signals import SIGNALS, rows_from_signals, signals_from_rows
from mantissa_core.detect.workflow.lint_filters import filter_problems
from mantissa_core.errors import RuleError
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.spec import TableSpec
from mantissa_core.model import LogType, Severity, Signal

TODAY = date(2026, 5, 1)
ID = "3f1c2a84-0f41-4b62-8a68-2f6f2f7b9c01"
RULE_ID = "11111111-1111-4111-8111-111111111111"


def document(filter_: Mapping[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    return {
        "title": "Known",
        "id": ID,
        "logsource": {"product": "acme"},
        "filter": {"rules": "any", "known": {"user.name": "backup"}, "condition": "not known", **(filter_ or {})},
        "mantissa": {"owner": "team", "reason": "because", "expires": date(2026, 6, 30)},
        **others,
    }


def signal(number: int) -> Signal:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    return Signal(f"s{number}", RULE_ID, "A rule", Severity.LOW, "x", when, "acme_audit", (f"e{number}",))


def test_a_filter_says_who_why_and_until_when() -> None:
    found = parse_filter(document())
    assert (found.owner, found.reason, found.expires, found.rules) == ("team", "because", date(2026, 6, 30), ())
    assert [found.applies(day) for day in (date(2026, 6, 30), date(2026, 7, 1))] == [True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title": ""}, "title: missing"),
        ({"logsource": {}}, "logsource: empty"),
        ({"filter": {"condition": "not x", "x": {"a": 1}}}, "filter.rules: missing"),
        ({"filter": {"rules": [1], "x": {"a": 1}, "condition": "x"}}, "filter.rules: found"),
        ({"filter": {"rules": "any", "x": {"a": 1}}}, "filter.condition: missing"),
        ({"filter": {"rules": "any", "x": {"a|nope": 1}, "condition": "x"}}, "filter: "),
        ({"filter": {"rules": "any", "condition": "not x"}}, "filter: "),
        ({"mantissa": {"expires": "tomorrow"}}, "mantissa.expires: found 'tomorrow'"),
        ({"mantissa": "x"}, "mantissa: found str"),
    ],
)
def test_a_wrong_filter_is_refused_by_its_place(change: Mapping[str, Any], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        parse_filter({**document(), **change})


def test_a_filter_is_given_to_the_rules_that_it_names_and_whose_log_source_it_covers(
    make_rule: Callable[..., Rule],
) -> None:
    rule = make_rule({"selection": {"name": "bad"}}, id=RULE_ID, name="bad_name")

    def given(rules: object, **logsource: str) -> bool:
        each = parse_filter(document({"rules": rules}, logsource=logsource or {"product": "acme"}))
        return bool(attached([rule], [each])[0].filters)

    assert given("any")
    assert given(["ANY"])
    assert given([RULE_ID.upper()])
    assert given(["bad_name", "another"])
    assert given("any", product="acme", service="audit")
    assert not given(["another"])
    assert not given("any", product="other")
    assert not given([RULE_ID], product="acme", category="process_creation")


def rows_of(rule: Rule, rows: pa.RecordBatch, log_type: LogType) -> set[int]:
    return {row for hits in Matcher([rule], log_type).match(rows) for row in hits.rows.to_pylist()}


@pytest.mark.parametrize(
    ("selections", "condition"),
    [
        ({"known": {"user.name": "backup"}}, "not known"),
        ({"known": {"user.name|startswith": "b", "number|gt": 3}}, "not known"),
        ({"known": {"address|cidr": "10.0.0.0/8"}, "other": {"params.deep": "x"}}, "not 1 of them"),
        ({"known": {"tags": "night"}}, "known"),
        ({"known": ["keyword"]}, "not known"),
    ],
)
def test_what_is_not_suppressed_is_what_rule_and_filter_match_together(
    selections: Mapping[str, Any],
    condition: str,
    make_rule: Callable[..., Rule],
    make_batch: Callable[..., pa.RecordBatch],
    log_type: LogType,
) -> None:
    each = parse_filter(
        document({**selections, "condition": condition, "rules": "any"}) if "known" in selections else {}
    )
    (rule,) = attached([make_rule({"selection": {"name": "bad"}}, id=RULE_ID)], [each])
    events = [
        {"name": name, "user": {"name": user}, "number": number, "address": address, **more}
        for name in ("bad", "good")
        for user in ("backup", "Bob", "eve")
        for number, address, more in (
            (1, "10.1.2.3", {}),
            (5, "192.0.2.1", {"tags": ["day", "night"]}),
            (7, "x", {"params": {"deep": "X"}}),
            (9, "y", {"unknown": "a keyword here"}),
        )
    ]
    rows = make_batch(events)
    (hits,) = Matcher([rule], log_type).match(rows)
    suppressor = Suppressor([rule], log_type, lambda: TODAY)
    made = [signal(row) for row in hits.rows.to_pylist()]
    marked = list(suppressor.marked(made, hits, rows, lambda _, error: pytest.fail(str(error))))
    passed = {int(one.id[1:]) for one in marked if one.suppressed_by is None}
    assert [one.id for one in marked] == [one.id for one in made]
    assert {one.disposition for one in marked if one.suppressed_by} == {"suppressed"}
    assert passed == rows_of(narrowed(rule, TODAY), rows, log_type)
    assert 0 < len(passed) < len(made)


def test_an_expired_filter_suppresses_nothing(
    make_rule: Callable[..., Rule], make_batch: Callable[..., pa.RecordBatch], log_type: LogType
) -> None:
    (rule,) = attached([make_rule({"selection": {"name": "bad"}})], [parse_filter(document())])
    rows = make_batch([{"name": "bad", "user": {"name": "backup"}}])
    (hits,) = Matcher([rule], log_type).match(rows)
    for day, by in ((date(2026, 6, 30), ID), (date(2026, 7, 1), None)):
        marked = Suppressor([rule], log_type, lambda day=day: day).marked([signal(0)], hits, rows, lambda *_: None)
        assert [one.suppressed_by for one in marked] == [by]
        assert (narrowed(rule, day).ir == rule.ir) is (by is None)


def test_a_file_may_hold_rules_and_their_filters_and_two_filters_of_one_id_are_refused(tmp_path: Path) -> None:
    text = (
        "title: A\nid: a\nlogsource: {product: acme}\ndetection: {s: {x: 1}, condition: s}\n---\n"
        "title: F\nid: f\nlogsource: {product: acme}\nfilter: {rules: [a], k: {y: 1}, condition: not k}\n"
    )
    (tmp_path / "a.yml").write_text(text)
    for _ in range(2):  # the second time from the cache of compiled rules
        found = RuleSet.load(packs=False, paths=[tmp_path], cache=tmp_path / "cache")
        assert [[each.id for each in rule.filters] for rule in found.rules] == [["f"]]
    assert found.without(["f"]).rules[0].filters == ()
    (tmp_path / "b.yml").write_text(text.partition("---\n")[2])
    again = RuleSet.load(packs=False, paths=[tmp_path])
    assert (again.filters, len(again.broken)) == ([], 2)
    assert again.rules[0].filters == ()


def test_lint_wants_an_owner_a_reason_an_end_and_rules_that_exist(
    make_rule: Callable[..., Rule], log_type: LogType
) -> None:
    rule = make_rule({"selection": {"name": "bad"}}, id=RULE_ID)

    def checks(**others: Any) -> list[tuple[str, str]]:
        each = parse_filter(document(**others))
        rules = RuleSet(attached([rule], [each]), filters=[each])
        return [(str(found.level), found.check) for found in filter_problems(rules, [log_type], TODAY)]

    assert checks() == []
    assert checks(mantissa={}) == [("error", "filter-owner"), ("error", "filter-reason"), ("warning", "filter-expires")]
    late = {"owner": "a", "reason": "b", "expires": date(2026, 4, 30)}
    assert checks(mantissa=late) == [("warning", "filter-expired")]
    assert checks(mantissa={**late, "expires": TODAY, "since": 1}) == [("warning", "accepted")]
    assert checks(logsource={"product": "other"}) == [("warning", "filter-without-rule")]
    named = {"rules": [RULE_ID, "missing"], "known": {"nowhere": 1}, "condition": "not known"}
    assert checks(filter=named) == [("warning", "filter-without-rule"), ("warning", "dead-field")]


def test_a_filter_that_fails_suppresses_nothing_and_is_told(
    make_rule: Callable[..., Rule], make_batch: Callable[..., pa.RecordBatch], log_type: LogType
) -> None:
    broken = replace(parse_filter(document()), ir=Predicate("user.name", Op.REGEX, (Regex("("),)))
    other = replace(parse_filter(document({"known": {"number": 5}})), id="other")
    (rule,) = attached([make_rule({"selection": {"name": "bad"}})], [broken, other])
    rows = make_batch([{"name": "bad", "user": {"name": "a"}, "number": 5}, {"name": "bad", "user": {"name": "b"}}])
    (hits,) = Matcher([rule], log_type).match(rows)
    told: list[str] = []
    suppressor = Suppressor([rule], log_type, lambda: TODAY)
    marked = list(suppressor.marked([signal(0), signal(1)], hits, rows, lambda each, _: told.append(each.id)))
    assert ([one.suppressed_by for one in marked], told) == (["other", None], [ID])


def test_signals_of_a_lake_without_the_column_disposition_are_read_and_added_to(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    kept = [field for field in SIGNALS.schema if field.name != "disposition"]
    former = TableSpec(SIGNALS.name, pa.schema(kept), SIGNALS.cluster, SIGNALS.native_ids)
    table = lake.ensure(former)
    rows = rows_from_signals([signal(1)], datetime.now(UTC)).drop_columns(["disposition"])
    table.commit(table.stage(rows), {"test": 1})
    (old,) = [each for batch in table.read(table.live()) for each in signals_from_rows(batch)]
    assert old.disposition is None
    table = lake.ensure(SIGNALS)
    marked = shadowed([signal(2)], frozenset([RULE_ID]))
    table.commit(table.stage(rows_from_signals(list(marked), datetime.now(UTC))), {"test": 2})
    found = [each for batch in table.read(table.live()) for each in signals_from_rows(batch)]
    assert sorted((each.id, each.disposition) for each in found) == [("s1", None), ("s2", "shadow")]
