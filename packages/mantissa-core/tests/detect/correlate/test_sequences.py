"""Tests beside correlations: sequences of events, what they must make of them, and that they can fail."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.testing.mutate_correlations import covered_by_sequences, mutate_correlations
from mantissa_core.detect.testing.sequence_run import SequenceVerdict, run_sequences
from mantissa_core.errors import RuleError

World = Any
Run = Callable[..., list[SequenceVerdict]]

LEGACY = """\
title: Failures
id: old
logsource: {product: okta, service: authentication}
detection:
  selection: {outcome: FAILURE}
  timeframe: 10m
  condition: selection | count() by user_email > 2
"""
FAILURE = "event: {outcome: FAILURE, user_email: ann}"
ENOUGH = f"{{name: enough, match: true, times: 1, sequence: [{{at: 0s, repeat: 3, every: 5m, {FAILURE}}}]}}"


def written(world: World, tests: str, *documents: Any) -> RuleSet:
    rules: RuleSet = world.rules(*documents)
    (world.folder / "rules" / "rules.tests.yml").write_text(textwrap.dedent(tests))
    return rules


def run(world: World, tests: str, *documents: Any) -> list[SequenceVerdict]:
    return list(run_sequences(written(world, tests, *documents), list(world.log_types)))


def one(world: World, test: str, *documents: Any) -> SequenceVerdict:
    (verdict,) = run(world, f"tests: [{test}]", *documents)
    return verdict


def test_events_at_their_times_fire_as_often_and_for_whom_the_test_says(world: World) -> None:
    verdicts = run(
        world,
        """\
        tests:
          - name: three in time, shuffled
            match: true
            times: 2
            groups: [{user_email: ann}]
            sequence:
              - {at: 10m, event: {outcome: FAILURE, user_email: ann}}
              - {at: 0s, event: {outcome: FAILURE, user_email: ann}}
              - {at: 11m1s, event: {outcome: SUCCESS, user_email: ann}}
              - {at: 3m20s, repeat: 2, every: 1s, event: {outcome: FAILURE, user_email: ann}}
          - name: three too slow, or of several
            match: false
            sequence:
              - {at: 0s, repeat: 2, every: 10m1s, event: {outcome: FAILURE, user_email: ann}}
              - {at: 0s, repeat: 9, event: {outcome: FAILURE, user_email: "user{n}"}}
        """,
        LEGACY,
    )
    assert [(each.passed, each.problem) for each in verdicts] == [(True, ""), (True, "")]
    assert [(at.total_seconds(), group["user_email"]) for at, group in verdicts[0].got] == [(201, "ann"), (600, "ann")]


@pytest.mark.parametrize(
    ("expectation", "told"),
    [
        ("match: false", "user_email=ann: fires at 10m"),
        ("match: true, times: 2", "user_email=ann: fires at 10m"),
        ("match: true, groups: [{user_email: bob}]", "user_email=ann: fires at 10m"),
    ],
)
def test_a_wrong_expectation_fails_and_says_what_fired(world: World, expectation: str, told: str) -> None:
    verdict = one(world, f"{{name: x, {expectation}, sequence: [{{at: 0s, repeat: 3, every: 5m, {FAILURE}}}]}}", LEGACY)
    assert not verdict.passed
    assert told in verdict.explanation


def test_a_sequence_that_does_not_fire_shows_itself_and_what_was_missing(world: World) -> None:
    verdict = one(
        world,
        f"{{name: x, match: true, sequence: [{{at: 0s, {FAILURE}}}, {{at: 9m, {FAILURE}}}, {{at: 20m, {FAILURE}}}, "
        "{at: 1h, event: {outcome: FAILURE}}, {at: 2h, event: {outcome: SUCCESS}}]}",
        LEGACY,
    )
    assert [line.strip() for line in verdict.explanation] == [
        "0s  Failures: matches (user_email=ann)",
        "9m  Failures: matches (user_email=ann)",
        "20m  Failures: matches (user_email=ann)",
        "1h  Failures: matches",
        "2h  no rule matches",
        "needs more than 2 within 10m by user_email",
        "matches in no group, for lack of user_email: 1",
        "user_email=ann: at best 2 at 9m, needs more than 2",
    ]


@pytest.mark.parametrize(
    ("kind", "condition", "told"),
    [
        ("temporal", None, "ip=1: at 0s it has a; missing within the timespan: b"),
        ("temporal", "a and not x", "ip=1: at 0s it has a; must not match so near: x"),
        ("temporal_ordered", "a and x and b", "ip=1: at 5s it has a, x; missing within the timespan: then b"),
        ("temporal_ordered", "x and a", "ip=1: at 5s it has x; missing within the timespan: then a"),
        ("temporal_ordered", "a and not x", "ip=1: at 0s it has a; must not match so near: x"),
    ],
)
def test_what_a_temporal_correlation_lacks_is_named(world: World, kind: str, condition: str | None, told: str) -> None:
    section = {"condition": condition} if condition else {}
    verdict = one(
        world,
        "{name: x, match: true, sequence: [{at: 0s, event: {outcome: a, ip: '1'}}, "
        "{at: 5s, event: {outcome: x, ip: '1'}}, {at: 11s, event: {outcome: b, ip: '1'}}]}",
        *(world.base(name) for name in "abx"),
        world.correlation(
            kind, [name for name in "abx" if name in (condition or "a b").split()], group_by=["ip"], **section
        ),
    )
    assert not verdict.passed
    assert told in verdict.explanation


def test_what_waits_for_the_end_of_a_window_fires_at_the_end_of_the_sequence(world: World) -> None:
    documents = [world.base("a"), world.base("b"), world.correlation("temporal", ["a", "b"], condition="a and not b")]
    assert one(world, "{name: x, match: true, times: 1, sequence: [{at: 0s, event: {outcome: a}}]}", *documents).passed
    both = "[{at: 0s, event: {outcome: a}}, {at: 9s, event: {outcome: b}}]"
    assert one(world, f"{{name: x, match: false, sequence: {both}}}", *documents).passed


def test_a_chain_is_tested_from_its_events_and_a_test_names_its_rule(world: World) -> None:
    fails = "sequence: [{at: 0s, repeat: 2, every: 1s, event: {outcome: fail, ip: '1'}}"
    verdicts = run(
        world,
        f"""\
        tests:
          - {{name: two, rule: lower, match: true, {fails}]}}
          - {{name: two alone, rule: upper, match: false, {fails}]}}
          - {{name: then in, rule: upper, match: true, {fails}, {{at: 3s, event: {{outcome: ok, ip: '1'}}}}]}}
        """,
        world.base("fail"),
        world.base("ok"),
        world.correlation("event_count", ["fail"], "lower", group_by=["ip"], condition={"gte": 2}),
        world.correlation("temporal_ordered", ["lower", "ok"], "upper", group_by=["ip"]),
    )
    assert [(each.rule.id, each.test.name, each.passed) for each in verdicts] == [
        ("lower", "two", True),
        ("upper", "two alone", True),
        ("upper", "then in", True),
    ]


def test_with_several_sources_an_event_says_which_it_is_of(world: World) -> None:
    apm = world.base(
        "slow",
        logsource={"product": "apm", "service": "traces"},
        detection={"s": {"status_code": "slow"}, "condition": "s"},
    )
    documents = [world.base("a"), apm, world.correlation("temporal", ["a", "slow"])]
    steps = "{at: 0s, log_type: test.okta, event: {outcome: a}}, {at: 1s, %s event: {status_code: slow}}"
    named = steps % "log_type: test.apm,"
    assert one(world, f"{{name: x, match: true, sequence: [{named}]}}", *documents).passed
    unnamed = one(world, f"{{name: x, match: true, sequence: [{steps % ''}]}}", *documents)
    assert unnamed.problem == "x: event 2: log_type: found '', expected one of test.okta, test.apm"


def test_rules_of_sources_that_are_not_installed_are_run_by_the_evaluator(world: World) -> None:
    rules = written(world, f"tests: [{ENOUGH}]", LEGACY)
    assert [each.passed for each in run_sequences(rules, [])] == [True]


def test_an_event_that_makes_no_row_is_a_problem(world: World) -> None:
    deep = "{a: " * 250 + "1" + "}" * 250
    verdict = one(world, f"{{name: x, match: false, sequence: [{{at: 0s, event: {deep}}}]}}", LEGACY)
    assert not verdict.passed
    assert "event 1 is no test.okta record" in verdict.problem


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("{match: true, sequence: []}", "sequence: empty"),
        ("{match: true, sequence: [1]}", "entry 1: found 1, expected at and event"),
        ("{match: true, sequence: [{event: {a: 1}}]}", "at: found None, expected a time since the beginning"),
        ("{match: true, sequence: [{at: -1s, event: {a: 1}}]}", "at: found '-1s'"),
        ("{match: true, sequence: [{at: 5, event: {a: 1}}]}", "at: found 5"),
        ("{match: true, sequence: [{at: 999999999d, event: {a: 1}}]}", "expected at most 3660d"),
        ("{match: true, sequence: [{at: 0s, evnt: {a: 1}, event: {}}]}", "evnt: unknown"),
        ("{match: true, sequence: [{at: 0s, every: 1s, event: {}}]}", "every: belongs to repeat"),
        ("{match: true, sequence: [{at: 0s, repeat: 10001, event: {}}]}", "expected 1 to 10000"),
        ("{match: true, sequence: [{at: 0s, repeat: 9999, every: 9d, event: {}}]}", "lasts more than"),
        ("{match: true, sequence: [{at: 0s, event: {day: 2026-01-02}}]}", "put dates in quotes"),
        ("{match: 1, sequence: [{at: 0s, event: {}}]}", "match: found 1"),
        ("{match: true, times: 0, sequence: [{at: 0s, event: {}}]}", "times: found 0"),
        ("{match: false, times: 1, sequence: [{at: 0s, event: {}}]}", "with match: true"),
        ("{match: true, groups: [{who: x}], sequence: [{at: 0s, event: {}}]}", "mappings with user_email"),
        ("{match: true, time: 1, sequence: [{at: 0s, event: {}}]}", "time: unknown"),
        ("{match: true, rule: nobody, sequence: [{at: 0s, event: {}}]}", "rule: found 'nobody'"),
        ("{match: true, event: {}, sequence: []}", "expected a test with name"),
    ],
)
def test_a_broken_test_is_named_with_its_file_and_place(world: World, test: str, message: str) -> None:
    with pytest.raises(RuleError, match=r"rules\.tests\.yml") as caught:
        one(world, test, LEGACY)
    assert message in str(caught.value)


def survivors(world: World, tests: str, *documents: Any) -> dict[str, list[str]]:
    found = mutate_correlations(written(world, tests, *documents), list(world.log_types))
    return {each.rule.title: each.survivors for each in found if not each.skipped}


def test_changes_to_a_correlation_and_to_its_untested_rule_that_no_test_notices_survive(world: World) -> None:
    assert survivors(world, f"tests: [{ENOUGH}]", LEGACY) == {
        "Failures": ["timespan doubled", "group-by dropped: user_email"],
        "Failures: matches": [],
    }
    few = "{at: 0s, repeat: 2, every: 5m1s, event: {outcome: FAILURE, user_email: ann}}"
    other = "{at: 0s, event: {outcome: FAILURE, user_email: bob}}"
    late = "{at: 10m2s, event: {outcome: FAILURE, user_email: ann}}"
    assert survivors(
        world,
        f"tests: [{ENOUGH}, {{name: two, match: false, sequence: [{few}, {late}]}},"
        f" {{name: both, match: false, sequence: [{few}, {other}]}}]",
        LEGACY,
    ) == {"Failures": [], "Failures: matches": []}


def test_order_rules_and_parts_of_a_condition_are_changed_too(world: World) -> None:
    steps = "[{at: 0s, event: {outcome: a}}, {at: 10s, event: {outcome: b}}]"
    rules = [world.base("a"), world.base("b"), world.correlation("temporal_ordered", ["a", "b"])]
    found = survivors(world, f"tests: [{{name: both, match: true, sequence: {steps}}}]", *rules)
    assert found["Correlation c"] == [
        "timespan doubled",
        "1 of 2 instead of 2",
        "dropped: a",
        "dropped: b",
        "order given up",
    ]
    rules[2] = world.correlation("event_count", ["a", "b"], condition={"gte": 2})
    found = survivors(world, f"tests: [{{name: both, match: true, times: 1, sequence: {steps}}}]", *rules)
    assert found["Correlation c"] == ["timespan doubled"]


def test_a_correlation_without_tests_or_with_failing_ones_is_not_mutated(world: World) -> None:
    def skipped(tests: str) -> list[str]:
        found = mutate_correlations(written(world, tests, LEGACY), list(world.log_types))
        return [each.skipped for each in found]

    assert skipped("tests: []") == ["it has no tests"]
    assert skipped(f"tests: [{ENOUGH.replace('match: true, times: 1', 'match: false')}]") == ["its tests fail"]


def test_a_rule_below_a_tested_correlation_counts_as_tested_unless_it_has_events_of_its_own(world: World) -> None:
    rules = written(world, f"tests: [{ENOUGH}]", LEGACY)
    assert covered_by_sequences(rules) == {rules.rules[0].id}
    event = "{name: own, match: true, event: {outcome: FAILURE}}"
    assert covered_by_sequences(written(world, f"tests: [{ENOUGH}, {event}]", LEGACY)) == set()
